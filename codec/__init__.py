"""codec: waveform to discrete codes and back.

import codec
c = codec.load()
codec.write_audio("out.wav", c.decode(c.encode(codec.read_audio("in.wav"))))
"""

from codec.audio_files import read_audio, write_audio
from codec.model import Codec, CodecConfig
from codec.types import CheckpointError, CodecSpec, Codes, Waveform
from codec.weights import load, save_codec

__all__ = [
    "CheckpointError", "Codec", "CodecConfig", "CodecSpec", "Codes", "Waveform", "load", "read_audio", "save_codec",
    "write_audio",
]  # fmt: skip
