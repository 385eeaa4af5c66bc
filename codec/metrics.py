"""How far one sound is from another, and how many bytes codes take. Axes: B batch, C channels, T samples.

Sounds are compared sample by sample from their first one: nothing is shifted, so a delay counts as an error.
"""

from __future__ import annotations

import struct

import numpy as np
import torch
from torch import Tensor

from codec.losses import STFT_WINDOWS, LogMel, stft_distances
from codec.types import CodecSpec, Codes, Waveform

# A codec fills up its last frame; anything longer is another sound.
LONGEST_DIFFERENCE_SECONDS = 0.1
SILENT_RMS = 1e-6
PACKED_HEADER = struct.Struct(">8sBIB")
BYTE_BITS = 8


@torch.no_grad()
def log_mel_distance(produced: Waveform, wanted: Waveform) -> float:
    """Mean absolute difference of two log-mel spectrograms (80 bands, natural logarithm; `codec.losses.LogMel`).

    Levels count; bring them together with `same_level` where they should not.

    Args:
        produced, wanted: sounds [B, C, T] of one rate, mixed down to mono; the longer one is cut at its end.

    Raises:
        ValueError: rates differ, or lengths by more than LONGEST_DIFFERENCE_SECONDS.
    """
    made, true = _aligned(produced, wanted)
    log_mel = LogMel(produced.sample_rate)
    return float((log_mel(made) - log_mel(true)).abs().mean())


@torch.no_grad()
def stft_distance(produced: Waveform, wanted: Waveform) -> float:
    """Spectral convergence plus log-magnitude difference, mean over the windows STFT_WINDOWS; as `log_mel_distance`."""
    made, true = _aligned(produced, wanted)
    parts = [sum(stft_distances(made, true, window)) for window in STFT_WINDOWS]
    return float(torch.stack([torch.as_tensor(part) for part in parts]).mean())


def same_level(produced: Waveform, wanted: Waveform) -> Waveform:
    """`produced` with the RMS of `wanted`; silence stays silence."""
    made, true = rms(produced), rms(wanted)
    if made < SILENT_RMS:
        return produced
    return Waveform(produced.samples * (true / made), produced.sample_rate)


def rms(waveform: Waveform) -> float:
    """Root of the mean square of all samples."""
    return float(waveform.samples.double().square().mean().sqrt()) if waveform.samples.numel() else 0.0


def _aligned(produced: Waveform, wanted: Waveform) -> tuple[Tensor, Tensor]:
    """Both as [B, T] of one length."""
    if produced.sample_rate != wanted.sample_rate:
        raise ValueError(f"sounds at {produced.sample_rate} and {wanted.sample_rate} Hz cannot be compared")
    lengths = produced.samples.shape[-1], wanted.samples.shape[-1]
    if abs(lengths[0] - lengths[1]) > LONGEST_DIFFERENCE_SECONDS * wanted.sample_rate or not min(lengths):
        raise ValueError(
            f"sounds of {produced.seconds:.3f} s and {wanted.seconds:.3f} s cannot be compared; "
            f"{LONGEST_DIFFERENCE_SECONDS} s of difference are allowed"
        )
    end = min(lengths)
    return produced.samples[..., :end].mean(dim=1), wanted.samples[..., :end].mean(dim=1)  # [B, T]


def pack_codes(codes: Codes) -> bytes:
    """One sound's codes [1, K, S] as the smallest plain file: 14 bytes of header, log2(codebook_size) bits a code.

    The header names the codec (8 bytes), K, S and the bits of a code; no entropy coding follows.

    Raises:
        ValueError: codes of several sounds.
    """
    batch, books, frames = codes.tokens.shape
    if batch != 1:
        raise ValueError(f"codes of {batch} sounds cannot be packed into one file")
    width = (codes.spec.codebook_size - 1).bit_length()
    flat = codes.tokens[0].T.reshape(-1).cpu().numpy()  # [S * K], frame by frame
    bits = (flat[:, None] >> np.arange(width - 1, -1, -1)) & 1
    header = PACKED_HEADER.pack(bytes.fromhex(_identity_hex(codes.spec)), books, frames, width)
    return header + np.packbits(bits.astype(np.uint8)).tobytes()


def unpack_codes(data: bytes, spec: CodecSpec) -> Codes:
    """Read what `pack_codes` wrote.

    Raises:
        ValueError: the data is cut off, too long, or of another codec than `spec`.
    """
    if len(data) < PACKED_HEADER.size:
        raise ValueError(f"packed codes have {len(data)} bytes; the header alone has {PACKED_HEADER.size}")
    identity, books, frames, width = PACKED_HEADER.unpack_from(data)
    if identity.hex() != _identity_hex(spec):
        raise ValueError(f"packed codes of codec {identity.hex()} are not of codec {spec.identity}")
    body = data[PACKED_HEADER.size :]
    count = books * frames * width
    if len(body) != -(-count // BYTE_BITS):
        raise ValueError(
            f"packed codes hold {len(body)} bytes; {books} x {frames} codes need {-(-count // 8)}"
        )
    bits = np.unpackbits(np.frombuffer(body, np.uint8), count=count).reshape(-1, width).astype(np.int64)
    values = (bits << np.arange(width - 1, -1, -1)).sum(axis=1).reshape(frames, books)
    return Codes(torch.from_numpy(values.T.copy())[None], spec)


def _identity_hex(spec: CodecSpec) -> str:
    """The first 8 bytes of a codec's identity as hexadecimal digits; names that are no hash by their own bytes."""
    try:
        return bytes.fromhex(spec.identity)[:8].ljust(8, b"\0").hex()
    except ValueError:
        return spec.identity.encode()[:8].ljust(8, b"\0").hex()
