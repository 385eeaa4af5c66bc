"""audiogen: writes and plays folk tunes as audio.

    import audiogen
    generator = audiogen.load()
    clip = generator.generate("a slow air in E minor on the flute", duration=30, seed=7)
    clip.save("air.wav")

Nothing heavy is imported until `load` is called, so that the command line's help answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from audiogen.version import VERSION as __version__

if TYPE_CHECKING:
    from audiogen.generator import Generator
    from audiogen.musicgen.generator import MusicGen

__all__ = ["__version__", "load"]


@overload
def load(name_or_dir: None = None, device: str | None = None) -> Generator: ...
@overload
def load(name_or_dir: str | Path, device: str | None = None) -> Generator | MusicGen: ...
def load(name_or_dir: str | Path | None = None, device: str | None = None) -> Generator | MusicGen:
    """A generator with the shipped weights, or those of a folder, or a MusicGen.

    Args:
        name_or_dir: "shipped", a folder of weights, or None for the shipped ones; "facebook/musicgen-small" or another
            MusicGen on the Hugging Face hub, or a folder as the transformers library saves one.
        device: "cpu", "cuda", "cuda:1", "mps"; None for the CPU.

    Raises:
        CheckpointError: the folder is missing, damaged, or of another version.
        ValueError: there is no such device.
    """
    from audiogen.musicgen import is_musicgen

    if name_or_dir is not None and is_musicgen(name_or_dir):
        from audiogen.musicgen.generator import MusicGen

        return MusicGen(name_or_dir, device)
    from audiogen.generator import Generator

    return Generator(name_or_dir, device)
