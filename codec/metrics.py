"""How far one sound is from another, and how many bytes codes take. Axes: B batch, C channels, T samples.

Sounds are compared sample by sample from their first one: nothing is shifted, so a delay counts as an error.

The `dac_` distances are those by which the Descript Audio Codec was evaluated (Kumar et al. 2023), so that figures can
be put beside published ones: descriptinc/descript-audio-codec c7cfc5d, `scripts/evaluate.py` and `dac/nn/loss.py`, and
the spectra of descriptinc/audiotools. `tests/codec/test_metrics.py` states them again in plain NumPy.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor

from codec.losses import STFT_WINDOWS, LogMel, stft_distances
from codec.types import CodecSpec, Codes, Waveform

# A codec fills up its last frame; anything longer is another sound.
LONGEST_DIFFERENCE_SECONDS = 0.1
SILENT_RMS = 1e-6
# Windows of the DAC distances with their mel bands; the hop is a quarter. Sounds are first brought to one of the rates.
DAC_BANDS = {2048: 150, 512: 80}
DAC_RATES = (22_050, 44_100)
DAC_FLOOR = 1e-5
# Identical sounds would be infinitely near, orthogonal ones infinitely far.
LARGEST_SI_SDR_DB = 100.0
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


def dac_mel_distance(produced: Waveform, wanted: Waveform, sample_rate: int = DAC_RATES[0]) -> float:
    """Mel distance of the DAC: over the windows of DAC_BANDS, the sum of the mean absolute differences of mel
    magnitudes and of the decimal logarithms of their squares.

    Args:
        produced, wanted: as in `log_mel_distance`.
        sample_rate: to which both are brought first; the DAC's authors use each of DAC_RATES.

    Raises:
        ValueError: as `log_mel_distance`, or the sounds are shorter than half the longest window.
    """
    return _dac_distance(produced, wanted, sample_rate, mel=True)


def dac_stft_distance(produced: Waveform, wanted: Waveform, sample_rate: int = DAC_RATES[0]) -> float:
    """STFT distance of the DAC: as `dac_mel_distance`, on the bins of the spectra instead of mel bands."""
    return _dac_distance(produced, wanted, sample_rate, mel=False)


@torch.no_grad()
def si_sdr_db(produced: Waveform, wanted: Waveform) -> float:
    """Scale-invariant ratio of signal to distortion (Le Roux et al. 2019), dB; both sounds without their mean.

    A codec that invents its phases has no use for it: it is far below 0 however good the sound is.

    Returns:
        At most LARGEST_SI_SDR_DB either way; a silent sound is as far as can be.

    Raises:
        ValueError: as `log_mel_distance`.
    """
    made, true = (sound.double() - sound.double().mean() for sound in _aligned(produced, wanted))
    part = (made * true).sum() / true.square().sum().clamp_min(1e-20) * true
    signal, noise = float(part.square().sum()), float((made - part).square().sum())
    least = 10 ** (-LARGEST_SI_SDR_DB / 10)
    if signal <= least * noise or signal == 0:
        return -LARGEST_SI_SDR_DB
    return 10 * float(np.log10(signal / max(noise, least * signal)))


def same_level(produced: Waveform, wanted: Waveform) -> Waveform:
    """`produced` with the RMS of `wanted`; silence stays silence."""
    made, true = rms(produced), rms(wanted)
    if made < SILENT_RMS:
        return produced
    return Waveform(produced.samples * (true / made), produced.sample_rate)


def rms(waveform: Waveform) -> float:
    """Root of the mean square of all samples."""
    return float(waveform.samples.double().square().mean().sqrt()) if waveform.samples.numel() else 0.0


@torch.no_grad()
def _dac_distance(produced: Waveform, wanted: Waveform, sample_rate: int, mel: bool) -> float:
    rate = wanted.sample_rate
    sounds = [_julius_resample(sound, rate, sample_rate) for sound in _aligned(produced, wanted)]
    shortest = max(DAC_BANDS) // 2 + 1
    if sounds[0].shape[-1] < shortest:
        raise ValueError(
            f"a sound of {wanted.seconds:.3f} s is too short; {shortest / sample_rate:.3f} s are needed"
        )
    total = 0.0
    for window, bands in DAC_BANDS.items():
        made, true = (_dac_magnitudes(sound, window) for sound in sounds)  # [B, bins, S]
        if mel:
            filters = _mel_filters(sample_rate, window, bands)  # [bands, bins]
            made, true = filters @ made, filters @ true
        logarithms = 2 * (made.clamp_min(DAC_FLOOR).log10() - true.clamp_min(DAC_FLOOR).log10())
        total += float(logarithms.abs().mean() + (made - true).abs().mean())
    return total


def _dac_magnitudes(samples: Tensor, window: int) -> Tensor:
    """[B, T] -> [B, bins, S]: neither scaled nor floored, the edges reflected."""
    taper = torch.hann_window(window, device=samples.device)
    return torch.stft(samples, window, window // 4, window=taper, return_complex=True).abs()


def _julius_resample(samples: Tensor, rate: int, sample_rate: int) -> Tensor:
    """With the filter of the `julius` package (24 zeros, roll-off 0.945), by which audiotools resamples."""
    return torchaudio.functional.resample(
        samples,
        rate,
        sample_rate,
        lowpass_filter_width=24,
        rolloff=0.945,
        resampling_method="sinc_interp_hann",
    )


@cache
def _mel_filters(sample_rate: int, window: int, bands: int) -> Tensor:
    """librosa's default mel filters, [bands, bins]: on Slaney's scale, of equal areas, up to half the rate."""
    filters = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate, norm="slaney", mel_scale="slaney"
    )
    return filters.T.contiguous()


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
