"""Starting an untrained codec as its own best linear codec.

Found by gradient descent alone, the first useful latents took half an hour; a reduced-rank regression finds them in
seconds, and the blocks then learn what a linear map cannot do.
"""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from codec.losses import MEL_BANDS
from codec.model import Codec

RIDGE = 1e-3


@torch.no_grad()
def start_from_components(codec: Codec, samples: Tensor) -> None:
    """Set the direct paths to a reduced-rank regression of magnitudes on features; the blocks add nothing yet.

    Args:
        codec: untrained.
        samples: [B, T], enough to hold many more frames than features.
    """
    encoder, decoder = codec.encoder, codec.decoder
    features = encoder.features(samples).flatten(0, 1).double()  # [N, D]
    spectra = decoder.spectra(samples)
    wanted = decoder.scale.standardise(spectra).flatten(0, 1).double()  # [N, bins]
    weights = _ear_weights(wanted.shape[1], codec.config.sample_rate).to(wanted)
    feature_mean, wanted_mean = features.mean(0), wanted.mean(0)
    x, y = features - feature_mean, (wanted - wanted_mean) * weights
    ridge = RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    regression = torch.linalg.solve(x.T @ x + ridge, x.T @ y)  # [D, bins]
    fitted = x @ regression
    values, vectors = torch.linalg.eigh(fitted.T @ fitted / len(x))
    directions = vectors[:, -codec.config.latent_size :]  # [bins, latents]
    scale = values[-codec.config.latent_size :].mean().clamp_min(1e-12).rsqrt()
    into = (regression @ directions * scale).T  # [latents, D]
    encoder.direct.weight.copy_(into)
    encoder.direct.bias.copy_(-into @ feature_mean)
    decoder.direct.weight.copy_(directions / scale / weights[:, None])
    decoder.direct.bias.copy_(wanted_mean)
    idle = [encoder.leave, decoder.head]
    if decoder.levels is not None:
        levels = (
            decoder.scale.standardise(decoder.levels.measure(spectra)).flatten(0, 1).double()
        )  # [N, bands]
        latents = x @ into.T  # what the encoder gives now
        level_mean = levels.mean(0)
        map_ = torch.linalg.lstsq(latents, levels - level_mean).solution  # [latents, bands]
        decoder.levels.direct.weight.copy_(map_.T)
        decoder.levels.direct.bias.copy_(level_mean)
        idle.append(decoder.levels.head)
    for layer in idle:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


def _ear_weights(bins: int, sample_rate: int) -> Tensor:
    """Root of how many mel bands each bin is in, so that the regression hears as the mel loss does, [bins]."""
    bands = torchaudio.functional.melscale_fbanks(
        bins, 0.0, sample_rate / 2, MEL_BANDS, sample_rate, norm="slaney", mel_scale="slaney"
    )
    density = bands.sum(-1)
    return (density / density.mean()).clamp_min(0.05).sqrt()
