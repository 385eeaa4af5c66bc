"""Other people's codecs behind `codec.interface.AudioCodec`.

A folder holds config.json, whose "model_type" says what it is, and model.safetensors: the form in which the
transformers library saves EnCodec, DAC and Mimi and in which they lie on the Hugging Face hub. Nothing else is read,
neither pickled weights nor code. EnCodec runs on the package `encodec`, DAC and Mimi on `transformers`.
"""

from __future__ import annotations

from pathlib import Path

from codec.adapters.checkpoint_folder import read_folder
from codec.interface import AudioCodec
from codec.registry import INSTALL
from codec.types import CheckpointError

MODEL_TYPES = ("encodec", "dac", "mimi")


def load_foreign(folder: Path, device: str = "cpu") -> AudioCodec:
    """The codec in a folder of config.json and model.safetensors.

    Raises:
        CheckpointError: a file is missing, damaged, pickled, of an unknown kind or of the wrong shape; or the
            codec needs a package that is not installed.
    """
    checkpoint = read_folder(folder)
    kind = checkpoint.config.get("model_type")
    if kind not in MODEL_TYPES:
        raise CheckpointError(
            f"{checkpoint.config_path}: model_type is {kind!r}; known are {', '.join(MODEL_TYPES)}"
        )
    if kind == "encodec":
        from codec.adapters.encodec_codec import EncodecCodec

        return EncodecCodec(checkpoint, device)
    try:
        # Not at the top: importing transformers takes seconds.
        from codec.adapters.transformers_codecs import DacCodec, MimiCodec
    except ImportError as error:
        raise CheckpointError(f"{folder}: {kind} needs the package transformers; {INSTALL}") from error
    return DacCodec(checkpoint, device) if kind == "dac" else MimiCodec(checkpoint, device)
