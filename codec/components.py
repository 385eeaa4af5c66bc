"""Starting an untrained codec as its own best linear codec.

Found by gradient descent alone, the first useful latents took half an hour; a reduced-rank regression finds them in
seconds, and the blocks then learn what a linear map cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from codec.losses import MEL_BANDS
from codec.model import Codec
from codec.stereo import StereoFeatures, side_by_side

RIDGE = 1e-3
# How much the side's levels and leans weigh in the regression, beside all bins of the mid.
SIDE_SHARE = 0.25
# A lean beyond this is taken for this: what a tanh gives only at infinity is no target for a linear map.
HIGHEST_LEAN = 0.95
# Clips that are analysed at once: the short-time spectra of a long batch would take gigabytes.
CLIPS_AT_ONCE = 32


@dataclass(frozen=True)
class _Bands:
    """What two layers of the decoder give together, `direct` from the latents, and what they should: [N, bands]."""

    direct: nn.Linear
    head: nn.Linear
    wanted: Tensor


@dataclass(frozen=True)
class _Measured:
    """Features [N, D], standardised spectra of the mid [N, bins], and the bands: of the mid's levels, if the decoder
    sets them, and of the side's levels and the leans, if there is a side."""

    features: Tensor
    spectra: Tensor
    levels: list[_Bands]
    side: list[_Bands]


@torch.no_grad()
def start_from_components(codec: Codec, samples: Tensor) -> None:
    """Set the direct paths to a reduced-rank regression of magnitudes on features; the blocks add nothing yet.

    With two channels the regression is on the magnitudes of the mid, and on what the decoder makes the side of.

    Args:
        codec: untrained.
        samples: [B, T] or [B, C, T], enough to hold many more frames than features.
    """
    encoder, decoder, latent_size = codec.encoder, codec.decoder, codec.config.latent_size
    measured = _measure(codec, samples)
    bins = measured.spectra.shape[1]
    wanted = torch.cat([measured.spectra, *(bands.wanted for bands in measured.side)], dim=1)
    weights = _ear_weights(bins, codec.config.sample_rate).to(wanted)
    for bands in measured.side:
        count = bands.wanted.shape[1]
        weights = torch.cat([weights, weights.new_full((count,), (SIDE_SHARE * bins / count) ** 0.5)])
    feature_mean, wanted_mean = measured.features.mean(0), wanted.mean(0)
    x, y = measured.features - feature_mean, (wanted - wanted_mean) * weights
    ridge = RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    regression = torch.linalg.solve(x.T @ x + ridge, x.T @ y)  # [D, wanted]
    fitted = x @ regression
    values, vectors = torch.linalg.eigh(fitted.T @ fitted / len(x))
    directions = vectors[:, -latent_size:]  # [wanted, latents]
    scale = values[-latent_size:].mean().clamp_min(1e-12).rsqrt()
    into = (regression @ directions * scale).T  # [latents, D]
    encoder.direct.weight.copy_(into)
    encoder.direct.bias.copy_(-into @ feature_mean)
    decoder.direct.weight.copy_((directions / scale / weights[:, None])[:bins])
    decoder.direct.bias.copy_(wanted_mean[:bins])
    idle = [encoder.leave, decoder.head]
    for bands in (*measured.levels, *measured.side):
        latents = x @ into.T  # what the encoder gives now
        mean = bands.wanted.mean(0)
        map_ = torch.linalg.lstsq(latents, bands.wanted - mean).solution  # [latents, bands]
        bands.direct.weight.copy_(map_.T)
        bands.direct.bias.copy_(mean)
        idle.append(bands.head)
    for layer in idle:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


def _measure(codec: Codec, samples: Tensor) -> _Measured:
    """What the regression is of and on, of samples [B, T] or [B, C, T]; float64."""
    encoder, decoder, standardise = codec.encoder, codec.decoder, codec.config.scale.standardise
    features, spectra, levels, side_levels, leans = [], [], [], [], []
    for part in samples.split(CLIPS_AT_ONCE):
        features.append(encoder.features(part))
        both = part[:, None] if decoder.side is None else side_by_side(part)
        log_magnitudes = decoder.spectra(both[:, 0])
        spectra.append(standardise(log_magnitudes))
        if decoder.levels is not None:
            levels.append(standardise(decoder.levels.measure(log_magnitudes)))
        if decoder.side is not None and isinstance(encoder.features, StereoFeatures):
            side_levels.append(standardise(decoder.side.levels.measure(decoder.spectra(both[:, 1]))))
            edge = decoder.spectra.edge_samples
            lean = encoder.features.leans(F.pad(both, (edge, edge)))
            leans.append(lean.clamp(-HIGHEST_LEAN, HIGHEST_LEAN).atanh())

    def joined(parts: list[Tensor]) -> Tensor:
        return torch.cat(parts).flatten(0, 1).double()

    of_levels, of_side = [], []
    if decoder.levels is not None:
        of_levels.append(_Bands(decoder.levels.direct, decoder.levels.head, joined(levels)))
    if decoder.side is not None:
        heads = decoder.side.levels
        of_side.append(_Bands(heads.direct, heads.head, joined(side_levels)))
        of_side.append(_Bands(decoder.side.direct, decoder.side.lean, joined(leans)))
    return _Measured(joined(features), joined(spectra), of_levels, of_side)


def _ear_weights(bins: int, sample_rate: int) -> Tensor:
    """Root of how many mel bands each bin is in, so that the regression hears as the mel loss does, [bins]."""
    bands = torchaudio.functional.melscale_fbanks(
        bins, 0.0, sample_rate / 2, MEL_BANDS, sample_rate, norm="slaney", mel_scale="slaney"
    )
    density = bands.sum(-1)
    return (density / density.mean()).clamp_min(0.05).sqrt()
