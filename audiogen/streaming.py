"""Sound while it is made: codes in chunks to samples in chunks.

The loudness of a whole piece is not known before its end, so that a stream has a fixed gain and a limiter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from codec.model import Codec
from codec.streaming import DecoderStream
from codec.types import Codes, Waveform

# From the level of the models, -23 dBFS, to about the -14 LUFS of files.
GAIN = 10 ** (9 / 20)
KNEE, CEILING = 0.7, 0.95


def limited(samples: Tensor) -> Tensor:
    """Samples as they are up to KNEE; what is beyond bends towards CEILING. It has no memory: any chunking agrees."""
    over = (samples.abs() - KNEE).clamp_min(0)
    bent = KNEE + (CEILING - KNEE) * torch.tanh(over / (CEILING - KNEE))
    return torch.where(over > 0, samples.sign() * bent, samples)


def stream_sound(codec: Codec, chunks: Iterable[Codes]) -> Iterator[Waveform]:
    """Decode codes of one piece as they come; the sound lags by the decoder's look-ahead.

    Args:
        codec: of the codes.
        chunks: one after another.

    Yields:
        Waveforms [1, C, T] at the loudness of streams; together as long as the codes.
    """
    stream = DecoderStream(codec)
    rate = codec.spec.sample_rate
    for chunk in chunks:
        samples = stream.push(chunk.tokens)
        if samples.shape[-1]:
            yield Waveform(limited(GAIN * samples), rate)
    yield Waveform(limited(GAIN * stream.finish()), rate)
