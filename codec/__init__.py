"""codec: waveform to discrete codes and back.

import codec
c = codec.load()
codec.write_audio("out.wav", c.decode(c.encode(codec.read_audio("in.wav"))))
codec.encode_file(c, "in.wav", "in.agc", bitrate_kbps=2)  # in a stream, however long it is
sound = codec.decode_sound(c, "in.agc")

Other people's codecs stand behind the same three members, `spec`, `encode` and `decode`:

c = codec.load("encodec_24khz")     # downloaded once; codec.known_codecs() lists all names
c = codec.load("path/to/dac_44khz")  # a folder of config.json and model.safetensors
"""

from codec.audio_files import read_audio, write_audio
from codec.coding import decode_file, decode_sound, encode_file, round_trip
from codec.config import STEREO_48KHZ
from codec.interface import AudioCodec
from codec.model import Codec, CodecConfig
from codec.registry import CodecEntry, known_codecs
from codec.types import CheckpointError, CodecSpec, Codes, Waveform
from codec.weights import load, load_own, save_codec

__all__ = [
    "STEREO_48KHZ", "AudioCodec", "CheckpointError", "Codec", "CodecConfig", "CodecEntry", "CodecSpec", "Codes",
    "Waveform", "decode_file", "decode_sound", "encode_file", "known_codecs", "load", "load_own", "read_audio",
    "round_trip", "save_codec", "write_audio",
]  # fmt: skip
