"""MusicGen (Copet et al. 2023) in our engine: its decoder on `audiogen.transformer`, T5 of transformers, our EnCodec.

A folder as the transformers library saves it: config.json, model.safetensors (or shards with an index) and
tokenizer.json. Weights on the hub are CC-BY-NC 4.0.
"""

from __future__ import annotations

from pathlib import Path

from codec.types import CheckpointError

MODEL_TYPES = ("musicgen", "musicgen_melody")
NAMES = tuple(
    f"facebook/musicgen-{size}"
    for size in (
        "small", "medium", "large", "melody", "melody-large", "stereo-small", "stereo-medium", "stereo-large",
        "stereo-melody", "stereo-melody-large",
    )
)  # fmt: skip
# All that is ever fetched and read: no pickles and no code.
FILES = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*.json",
    "special_tokens_map.json",
)
INSTALL = "pip install 'audiogen[musicgen]'"


def is_musicgen(name_or_dir: str | Path | None) -> bool:
    """Whether this is a MusicGen's name on the hub, or a folder whose config.json says it is one."""
    if name_or_dir is None:
        return False
    if str(name_or_dir) in NAMES:
        return True
    config = Path(name_or_dir) / "config.json"
    if not config.is_file():
        return False
    from codec.adapters.checkpoint_folder import read_object

    return read_object(config).get("model_type") in MODEL_TYPES


def find_folder(name_or_dir: str | Path) -> Path:
    """The folder itself, or where the hub's cache has what goes by that name.

    Raises:
        CheckpointError: the extra is missing, or the hub cannot be reached.
    """
    if Path(name_or_dir).is_dir() or str(name_or_dir) not in NAMES:
        return Path(name_or_dir)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(f"{name_or_dir}: a download needs huggingface_hub; {INSTALL}") from error
    try:
        return Path(snapshot_download(str(name_or_dir), allow_patterns=list(FILES)))
    except OSError as error:
        # The hub's own errors and those of the network are all OSErrors; their texts run over many lines.
        raise CheckpointError(
            f"{name_or_dir}: could not be had from the Hugging Face hub ({type(error).__name__}); offline, give a "
            "folder that holds its config.json, model.safetensors and tokenizer.json"
        ) from error
