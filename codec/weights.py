"""Codecs by name or folder: audiogen's own in codec.json and codec.safetensors, others' as `codec.adapters` says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from codec.guesser_files import has_guesser, load_guesser
from codec.interface import AudioCodec
from codec.model import Codec, CodecConfig
from codec.registry import SHIPPED_NAME, SHIPPED_NAMES, download, hub_entry, known_codecs, shipped_folders
from codec.types import CheckpointError

FORMAT, VERSION = "audiogen-codec", 1


def save_codec(codec: Codec, folder: Path, details: Mapping[str, Any] | None = None) -> None:
    """Write the weights in half precision, without what only training needs."""
    save_checkpoint(
        folder, "codec", format=FORMAT, version=VERSION, config=codec.config, tensors=codec.shipped_state(),
        details=details,
    )  # fmt: skip


def load(name_or_dir: str | Path | None = None, device: str = "cpu") -> AudioCodec:
    """A codec ready to use: a shipped one, a known one of others, or one from a folder.

    Args:
        name_or_dir: None, "folk_24khz" or "shipped" for the shipped codec; another name that `known_codecs` lists,
            such as "encodec_24khz", which is downloaded from the Hugging Face hub unless it is in its cache; else a
            folder of codec.json and codec.safetensors (ours) or of config.json and model.safetensors (EnCodec, DAC
            or Mimi as the transformers library saves them). "./mimi" is a folder, "mimi" the name.
        device: where it runs.

    Raises:
        CheckpointError: the folder is missing, damaged, of another version or of the wrong shape; the weights
            could not be downloaded; or the codec needs a package that is not installed.
    """
    name = SHIPPED_NAME if name_or_dir is None or str(name_or_dir) in SHIPPED_NAMES else str(name_or_dir)
    entry = hub_entry(name)
    folder = download(entry) if entry is not None else shipped_folders().get(name, Path(name))
    if (folder / "config.json").is_file() and not (folder / "codec.json").exists():
        from codec.adapters import load_foreign

        return load_foreign(folder, device)
    return load_own(folder, device)


def load_own(folder: str | Path | None = None, device: str = "cpu") -> Codec:
    """A codec of ours with all its parts, for training and for what only it can do; with its guesser, if it has one.

    Args:
        folder: of codec.json and codec.safetensors, and perhaps of guesser.json and guesser.safetensors; None or a
            shipped name for what is shipped.
        device: where it runs.

    Raises:
        CheckpointError: the folder is missing, damaged, of another version or of the wrong shape.
    """
    name = SHIPPED_NAME if folder is None or str(folder) in SHIPPED_NAMES else str(folder)
    source = shipped_folders().get(name, Path(name))
    if not source.is_dir():
        known = ", ".join(entry.name for entry in known_codecs())
        raise CheckpointError(f"{source}: no such codec; known names: {known}, or a folder")
    checkpoint = load_checkpoint(source, "codec", format=FORMAT, version=VERSION)
    codec = Codec(build_config(CodecConfig, checkpoint))
    load_weights(codec, checkpoint.tensors, checkpoint.path, optional=(".counts", ".sums"))
    codec.eval().requires_grad_(False)
    if has_guesser(source):
        codec.guesser = load_guesser(codec, source)
    return codec.to(device)
