"""Every codec that has a name: what it is, what it costs, and where its weights come from.

The shipped ones lie in codec/weights/. The others are downloaded from the Hugging Face hub when, and only when, they
are loaded by name; without a network they are loaded from a folder that holds the two files of `FILES`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from pathlib import Path

from codec.types import CheckpointError

SHIPPED = Path(__file__).parent / "weights"
SHIPPED_NAME = "folk_24khz"
# What is shipped goes by either name, here and where a whole set of weights is named.
SHIPPED_NAMES = ("shipped", SHIPPED_NAME)
# All that is ever fetched and read of a codec on the hub: no pickles and no code.
FILES = ("config.json", "model.safetensors")
INSTALL = "pip install 'audiogen[codecs]'"


@dataclass(frozen=True)
class CodecEntry:
    """One row of `audiogen codec list`.

    Attributes:
        name: what `codec.load` takes.
        about: one phrase.
        licence: of the weights, as their publisher states it.
        repository: on the Hugging Face hub; empty if the weights are shipped.
        needs_extra: even from a folder it needs the extra `codecs`, as every download does.
    """

    name: str
    about: str
    sample_rate: int
    hop_samples: int
    channels: int
    codebooks: int
    codebook_size: int
    licence: str
    repository: str = ""
    needs_extra: bool = False

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.sample_rate, self.hop_samples)

    @property
    def lowest_kbps(self) -> float:
        """Bits per second of raw codes with one codebook, in thousands."""
        return float(self.frame_rate) * log2(self.codebook_size) / 1000

    @property
    def highest_kbps(self) -> float:
        """The same with all codebooks."""
        return self.lowest_kbps * self.codebooks

    @property
    def shipped(self) -> bool:
        """Whether the weights are part of the package."""
        return not self.repository

    @property
    def needs(self) -> str:
        """What must be had before it loads, in words."""
        if self.shipped:
            return "nothing"
        return "extra and download" if self.needs_extra else "extra and download, or a folder"


# Licences: the README of descriptinc/descript-audio-codec (DAC), of kyutai-labs/moshi (Mimi), the model card of
# facebook/encodec_48khz, and LICENSE_weights of facebookresearch/audiocraft (EnCodec 32 kHz). The card of
# facebook/encodec_24khz names none; the repository of EnCodec was CC-BY-NC 4.0 at first and is MIT now.
_HUB = (
    CodecEntry("encodec_24khz", "EnCodec, causal, mono, any sound", 24_000, 320, 1, 32, 1024,
               "unclear: CC-BY-NC 4.0 or MIT", "facebook/encodec_24khz"),
    CodecEntry("encodec_48khz", "EnCodec, stereo, music, in segments of 1 s", 48_000, 320, 2, 16, 1024,
               "MIT", "facebook/encodec_48khz"),
    CodecEntry("encodec_32khz", "EnCodec of MusicGen, mono, music", 32_000, 640, 1, 4, 2048,
               "CC-BY-NC 4.0", "facebook/encodec_32khz"),
    CodecEntry("dac_16khz", "Descript Audio Codec, mono, any sound", 16_000, 320, 1, 12, 1024,
               "MIT", "descript/dac_16khz", needs_extra=True),
    CodecEntry("dac_24khz", "Descript Audio Codec, mono, any sound", 24_000, 320, 1, 32, 1024,
               "MIT", "descript/dac_24khz", needs_extra=True),
    CodecEntry("dac_44khz", "Descript Audio Codec, mono, any sound", 44_100, 512, 1, 9, 1024,
               "MIT", "descript/dac_44khz", needs_extra=True),
    CodecEntry("mimi", "Mimi of Moshi, causal, mono, speech", 24_000, 1920, 1, 32, 2048,
               "CC-BY 4.0", "kyutai/mimi", needs_extra=True),
)  # fmt: skip


def shipped_folders() -> dict[str, Path]:
    """Name and folder of every codec in the package: the first lies in weights/, any other in weights/NAME/."""
    others = (folder for folder in sorted(SHIPPED.iterdir()) if (folder / "codec.json").is_file())
    return {SHIPPED_NAME: SHIPPED} | {folder.name: folder for folder in others}


def known_codecs() -> tuple[CodecEntry, ...]:
    """Every codec that `codec.load` knows by name, the default first."""
    return (*(_shipped_entry(name, folder) for name, folder in shipped_folders().items()), *_HUB)


def hub_entry(name: str) -> CodecEntry | None:
    """The entry of a codec that is downloaded, or None if the name is not one's."""
    return next((entry for entry in _HUB if entry.name == name), None)


def download(entry: CodecEntry) -> Path:
    """The folder of a codec's two files, fetched from the hub unless they are in its cache.

    Raises:
        CheckpointError: the extra is missing, the hub cannot be reached or has no such files.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(f"{entry.name}: a download needs huggingface_hub; {INSTALL}") from error
    try:
        return Path(snapshot_download(entry.repository, allow_patterns=list(FILES)))
    except OSError as error:
        # The hub's own errors and those of the network are all OSErrors; their texts run over many lines.
        raise CheckpointError(
            f"{entry.name}: {entry.repository} could not be had from the Hugging Face hub ({type(error).__name__}); "
            f"offline, load a folder of {' and '.join(FILES)}: codec.load('path/to/{entry.name}')"
        ) from error


def _shipped_entry(name: str, folder: Path) -> CodecEntry:
    header = json.loads((folder / "codec.json").read_text(encoding="utf-8"))
    config = header["config"]
    sizes = {key: config[key] for key in ("sample_rate", "hop_samples", "codebooks", "codebook_size")}
    about = header["details"].get("about", "audiogen's own, folk music")
    return CodecEntry(name, about, channels=config.get("channels", 1), licence="MIT", **sizes)
