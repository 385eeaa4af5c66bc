"""The levels of the ear's bands, which the decoder sets by themselves. Axes: B batch, S frames."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from codec.config import CodecConfig
from codec.ear import gammatone_bands

MAGNITUDE_CEILING = 4.0


class BandLevels(nn.Module):
    """Sets the levels of the ear's bands: a spectrum's fine structure is one thing, how loud its bands are another.

    With the levels left to the spectrum alone, every bin has to be right for its band to be: the true levels put
    into a trained codec's spectra raised ViSQOL from 3.9 to 4.5.
    """

    bands: Tensor
    spread: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        bins = config.head_window // 2 + 1
        self.head = nn.Linear(config.decoder_width, config.level_bands)
        self.direct = nn.Linear(config.latent_size, config.level_bands)
        self.scale, self.floor = config.scale, config.magnitude_floor
        bands = gammatone_bands(config.level_bands, bins, config.sample_rate)
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("spread", (bands / bands.sum(1, keepdim=True)).T.contiguous(), persistent=False)

    def measure(self, log_magnitudes: Tensor) -> Tensor:
        """Levels in nepers: float32 [B, S, bins] -> [B, S, bands]."""
        powers = (2 * log_magnitudes).exp() @ self.bands
        return 0.5 * (powers + self.floor**2).log()

    def forward(self, log_magnitudes: Tensor, latents: Tensor, body: Tensor) -> Tensor:
        """[B, S, bins] raised and lowered, smoothly over the bins, toward the levels that the latents ask for."""
        wanted = self.scale.restore((self.direct(latents) + self.head(body)).float())
        with torch.autocast(log_magnitudes.device.type, enabled=False):
            bounded = log_magnitudes.float().clamp(2 * math.log(self.floor), math.log(MAGNITUDE_CEILING))
            return log_magnitudes.float() + (wanted - self.measure(bounded)) @ self.spread
