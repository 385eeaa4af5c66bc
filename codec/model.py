"""The codec: spectral features -> ConvNeXt -> residual quantiser -> ConvNeXt -> magnitudes -> phases -> sound.

All heavy work runs at the frame rate, as in Vocos (Siuzdak 2023), which is what makes it fast on a CPU.
Axes: B batch, C channels, T samples, K codebooks, S frames, D features.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from codec.ear import gammatone_bands
from codec.features import LogScale, MagnitudeSpectra, SpectralFeatures
from codec.phase import integrate_phases
from codec.quantizer import ResidualQuantizer
from codec.types import CodecSpec, Codes, Waveform

MAGNITUDE_CEILING = 4.0


@dataclass(frozen=True)
class CodecConfig:
    """Shape of a codec. A decoder of `decoder_blocks` blocks of kernel 7 looks 3 * (blocks + 1) frames ahead,
    and the synthesis window / 2 - hop / 2 samples more: 0.45 s as shipped."""

    sample_rate: int = 24_000
    hop_samples: int = 480
    codebooks: int = 8
    codebook_size: int = 1024
    latent_size: int = 64
    encoder_width: int = 256
    encoder_blocks: int = 5
    encoder_expansion: int = 2
    decoder_width: int = 288
    decoder_blocks: int = 6
    decoder_expansion: int = 3
    head_window: int = 1920
    level_bands: int = 32  # of the ear, whose levels the decoder sets by themselves; 0 for none
    feature_floor: float = LogScale.floor
    magnitude_floor: float = LogScale.floor
    log_mean: float = LogScale.mean
    log_spread: float = LogScale.spread

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int) and value < (name != "level_bands"):
                raise ValueError(f"{name} is {value}; it must be at least {int(name != 'level_bands')}")
        if self.hop_samples % 2 or self.head_window < self.hop_samples:
            raise ValueError(
                f"hop_samples {self.hop_samples} must be even and at most head_window {self.head_window}"
            )

    @property
    def scale(self) -> LogScale:
        """How magnitudes become numbers."""
        return LogScale(self.feature_floor, self.log_mean, self.log_spread)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a pointwise network, added to the input (Liu et al. 2022)."""

    def __init__(self, width: int, expansion: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, width * expansion)
        self.narrow = nn.Linear(width * expansion, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """[B, S, D] -> [B, S, D]."""
        return x + self.added(self.depthwise(x.transpose(1, 2)).transpose(1, 2))

    def added(self, hidden: Tensor) -> Tensor:
        """What is added to the input, from the convolution's output [B, S, D]."""
        return self.scale * self.narrow(F.gelu(self.widen(self.norm(hidden)), approximate="tanh"))


class ConvNeXt(nn.Sequential):
    """Input layer, blocks and a last norm: [B, S, size] -> [B, S, width]."""

    def __init__(self, size: int, width: int, blocks: int, expansion: int, input_kernel: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(size, width, input_kernel, padding=input_kernel // 2)
        self.enter_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConvNeXtBlock(width, expansion, 1 / blocks) for _ in range(blocks))
        self.leave_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter_norm(self.entered(F.pad(x, (0, 0, *[self.enter.kernel_size[0] // 2] * 2))))
        for block in self.blocks:
            x = block(x)
        return self.leave_norm(x)

    def entered(self, x: Tensor) -> Tensor:
        """The input layer, unpadded: [B, S + kernel - 1, size] -> [B, S, width].

        As a matrix product, because oneDNN's dense convolutions round differently for different lengths: a peak that
        is only just one would come or go by it, and a stream would differ from the whole.
        """
        weight = self.enter.weight
        windows = x.unfold(1, weight.shape[-1], 1).flatten(2)  # [B, S, size * kernel]
        return F.linear(windows, weight.flatten(1), self.enter.bias)


class Encoder(nn.Module):
    """[B, T] samples -> [B, S, latent_size]; T must be a multiple of the hop.

    Latents are a linear map of the features, which training starts as principal components, plus what the blocks add;
    so are the decoder's magnitudes.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.features = SpectralFeatures(config.hop_samples, config.scale)
        self.body = ConvNeXt(
            self.features.size,
            config.encoder_width,
            config.encoder_blocks,
            config.encoder_expansion,
            input_kernel=1,
        )
        self.leave = nn.Linear(config.encoder_width, config.latent_size)
        self.direct = nn.Linear(self.features.size, config.latent_size)

    def forward(self, samples: Tensor) -> Tensor:
        features = self.features(samples)
        return self.latents(features, self.body(features))

    def latents(self, features: Tensor, body: Tensor) -> Tensor:
        """Frame by frame from the features [B, S, D] and the body's output [B, S, width]: [B, S, latent_size]."""
        return self.direct(features) + self.leave(body)


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


class Decoder(nn.Module):
    """[B, S, latent_size] -> log magnitudes [B, S, bins], and from there to samples [B, S * hop]."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.body = ConvNeXt(
            config.latent_size,
            config.decoder_width,
            config.decoder_blocks,
            config.decoder_expansion,
            input_kernel=7,
        )
        bins = config.head_window // 2 + 1
        self.head = nn.Linear(config.decoder_width, bins)
        self.direct = nn.Linear(config.latent_size, bins)
        self.levels = BandLevels(config) if config.level_bands else None
        self.scale = config.scale
        self.spectra = MagnitudeSpectra(config.head_window, config.hop_samples, config.magnitude_floor)

    def forward(self, latents: Tensor) -> Tensor:
        return self.log_magnitudes(latents, self.body(latents))

    def log_magnitudes(self, latents: Tensor, body: Tensor) -> Tensor:
        """Frame by frame from the latents [B, S, latent_size] and the body's output [B, S, width]: [B, S, bins]."""
        spectrum = self.scale.restore(self.direct(latents) + self.head(body))
        return spectrum if self.levels is None else self.levels(spectrum, latents, body)

    def synthesise(self, log_magnitudes: Tensor) -> Tensor:
        """[B, S, bins] -> [B, S * hop] samples."""
        log_magnitudes = self.bounded(log_magnitudes)
        with torch.no_grad():
            phases = integrate_phases(log_magnitudes, self.spectra.window, self.spectra.hop)
        return self.spectra.synthesise(log_magnitudes, phases)

    def bounded(self, log_magnitudes: Tensor) -> Tensor:
        """Between the floor and a ceiling that keeps an untrained or misled head from overflowing; float32."""
        return log_magnitudes.float().clamp(math.log(self.spectra.floor), math.log(MAGNITUDE_CEILING))


class Codec(nn.Module):
    """Waveform to codes and back. `encode` and `decode` are the public doors; training uses the parts."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quantizer = ResidualQuantizer(config.codebooks, config.codebook_size, config.latent_size)
        self.decoder = Decoder(config)

    @property
    def spec(self) -> CodecSpec:
        """Rates, sizes and identity; computed once, on weights that are no longer trained."""
        return self._spec

    @cached_property
    def _spec(self) -> CodecSpec:
        config = self.config
        return CodecSpec(
            sample_rate=config.sample_rate,
            hop_samples=config.hop_samples,
            channels=1,
            codebooks=config.codebooks,
            codebook_size=config.codebook_size,
            identity=self._identity(),
        )

    @torch.inference_mode()
    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        """Code a waveform of any rate and channel count (resampled and mixed down to mono).

        Args:
            waveform: samples [B, C, T].
            codebooks: how many of the codebooks to use, all by default; fewer is a lower bitrate.

        Returns:
            tokens [B, K, S] with S = ceil(T / hop) at the codec's rate.

        Raises:
            ValueError: no samples, or `codebooks` out of range.
        """
        wanted = self.config.codebooks if codebooks is None else codebooks
        if not 1 <= wanted <= self.config.codebooks:
            raise ValueError(f"codebooks is {codebooks}; 1 to {self.config.codebooks} are allowed")
        if waveform.samples.shape[-1] == 0:
            raise ValueError("the waveform has no samples")
        mono = waveform.samples.mean(dim=1).to(self._device)  # [B, T]
        if waveform.sample_rate != self.config.sample_rate:
            mono = torchaudio.functional.resample(mono, waveform.sample_rate, self.config.sample_rate)
        mono = F.pad(mono, (0, -mono.shape[-1] % self.config.hop_samples))
        return Codes(self.quantizer.encode(self.encoder(mono), wanted), self.spec)

    @torch.inference_mode()
    def decode(self, codes: Codes) -> Waveform:
        """The sound of codes: samples [B, 1, S * hop] at the codec's rate.

        Raises:
            ValueError: the codes are of another codec.
        """
        if codes.spec.identity != self.spec.identity:
            raise ValueError(
                f"codes of codec {codes.spec.identity} cannot be decoded by codec {self.spec.identity}"
            )
        if codes.tokens.shape[-1] == 0:
            return Waveform(torch.zeros(codes.tokens.shape[0], 1, 0), self.config.sample_rate)
        samples = self.decoder.synthesise(self.decoder(self.quantizer.decode(codes.tokens.to(self._device))))
        return Waveform(samples[:, None].cpu(), self.config.sample_rate)  # [B, 1, T]

    @property
    def _device(self) -> torch.device:
        return self.decoder.head.weight.device

    def _identity(self) -> str:
        """Hash of what gives codes their meaning: the encoder and the quantiser, at shipped precision."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.shipped_state().items()):
            if not name.startswith("decoder."):
                digest.update(name.encode())
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def shipped_state(self) -> dict[str, Tensor]:
        """The weights that are saved for use: fp16, without the codebooks' learning state."""
        learning = (".counts", ".sums")
        return {k: v.detach().half() for k, v in self.state_dict().items() if not k.endswith(learning)}
