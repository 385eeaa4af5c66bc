"""Codecs on disk: codec.json and codec.safetensors in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from codec.model import Codec, CodecConfig
from codec.types import CheckpointError

FORMAT, VERSION = "audiogen-codec", 1
SHIPPED = Path(__file__).parent / "weights"
SHIPPED_NAME = "folk_24khz"
# What is shipped goes by either name, here and where a whole set of weights is named.
SHIPPED_NAMES = ("shipped", SHIPPED_NAME)


def save_codec(codec: Codec, folder: Path, details: Mapping[str, Any] | None = None) -> None:
    """Write the weights in half precision, without what only training needs."""
    save_checkpoint(
        folder, "codec", format=FORMAT, version=VERSION, config=codec.config, tensors=codec.shipped_state(),
        details=details,
    )  # fmt: skip


def load(name_or_dir: str | Path | None = None, device: str = "cpu") -> Codec:
    """A codec ready to use: the shipped one, or one from a folder.

    Args:
        name_or_dir: None, "folk_24khz" or "shipped" for the shipped codec, else a folder of codec.json and
            codec.safetensors.
        device: where it runs.

    Raises:
        CheckpointError: the folder is missing, damaged, of another version or of the wrong shape.
    """
    folder = SHIPPED if name_or_dir is None or str(name_or_dir) in SHIPPED_NAMES else Path(name_or_dir)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such codec; known names: folk_24khz, or a folder")
    checkpoint = load_checkpoint(folder, "codec", format=FORMAT, version=VERSION)
    codec = Codec(build_config(CodecConfig, checkpoint))
    load_weights(codec, checkpoint.tensors, checkpoint.path, optional=(".counts", ".sums"))
    return codec.eval().requires_grad_(False).to(device)
