"""The shape of a codec."""

from __future__ import annotations

from dataclasses import dataclass

from codec.features import BASE_RATE_HZ, LogScale


@dataclass(frozen=True)
class CodecConfig:
    """Shape of a codec. A decoder of `decoder_blocks` blocks of kernel 7 looks 3 * (blocks + 1) frames ahead,
    and the synthesis window / 2 - hop / 2 samples more: 0.45 s as shipped.

    With two `channels`, mid and side are coded together (`codec.stereo`). `head_window` and `hop_samples` are in
    samples at `sample_rate`; the encoder's windows follow the rate by themselves."""

    sample_rate: int = BASE_RATE_HZ
    hop_samples: int = 480
    codebooks: int = 8
    codebook_size: int = 1024
    latent_size: int = 64
    encoder_width: int = 256
    encoder_blocks: int = 5
    encoder_expansion: int = 2
    decoder_width: int = 288
    decoder_blocks: int = 6
    decoder_expansion: int = 2
    head_window: int = 1920
    level_bands: int = 32  # of the ear, whose levels the decoder sets by themselves; 0 for none
    envelope_knots: int = 16  # of the gains along a frame's window; 0 for none
    feature_floor: float = LogScale.floor
    magnitude_floor: float = LogScale.floor
    log_mean: float = LogScale.mean
    log_spread: float = LogScale.spread
    channels: int = 1  # 1 for mono, 2 for stereo

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name in ("level_bands", "envelope_knots") else 1
            if isinstance(value, int) and value < least:
                raise ValueError(f"{name} is {value}; it must be at least {least}")
        if self.envelope_knots == 1:
            raise ValueError("envelope_knots is 1; a gain has at least 2 knots, or 0 for none")
        if self.hop_samples % 2 or self.head_window < self.hop_samples:
            raise ValueError(
                f"hop_samples {self.hop_samples} must be even and at most head_window {self.head_window}"
            )
        if self.channels > 2:
            raise ValueError(f"channels is {self.channels}; 1 and 2 are allowed")
        if self.channels == 2 and not self.level_bands:
            raise ValueError(
                "level_bands is 0; a codec of 2 channels needs bands to place in the stereo image"
            )

    @property
    def scale(self) -> LogScale:
        """How magnitudes become numbers."""
        return LogScale(self.feature_floor, self.log_mean, self.log_spread)


# Half the size of the mono codec: what its heads and the encoder's first layers need at 48 kHz, and less for the rest.
STEREO_48KHZ = CodecConfig(
    sample_rate=48_000,
    hop_samples=960,
    latent_size=48,
    encoder_width=96,
    encoder_blocks=3,
    decoder_width=96,
    decoder_blocks=4,
    decoder_expansion=2,
    head_window=3840,
    channels=2,
)
