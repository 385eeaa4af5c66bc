"""The codec: spectral features -> ConvNeXt -> residual quantiser -> ConvNeXt -> magnitudes -> phases -> sound.

All heavy work runs at the frame rate, as in Vocos (Siuzdak 2023), which is what makes it fast on a CPU.
Inside, mono sound is [B, T] and stereo sound [B, C, T]; what else two channels need is in `codec.stereo`.
Axes: B batch, C channels, T samples, K codebooks, S frames, D features.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.config import CodecConfig
from codec.envelope import Envelope
from codec.features import MagnitudeSpectra, SpectralFeatures
from codec.levels import MAGNITUDE_CEILING, BandLevels
from codec.phase import integrate_phases
from codec.quantizer import ResidualQuantizer
from codec.resampling import StreamResampler
from codec.stereo import SideHead, StereoFeatures, four_views, side_by_side, total_magnitudes, two_channels
from codec.types import CodecSpec, Codes, Waveform

if TYPE_CHECKING:
    from codec.entropy import Guesser


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
    """[B, T] samples, or [B, C, T] of two channels, -> [B, S, latent_size]; T must be a multiple of the hop.

    Latents are a linear map of the features, which training starts as principal components, plus what the blocks add;
    so are the decoder's magnitudes.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.features: SpectralFeatures | StereoFeatures = (
            SpectralFeatures(config.hop_samples, config.scale, config.sample_rate)
            if config.channels == 1
            else StereoFeatures(config)
        )
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


class Sketch(NamedTuple):
    """What a decoder's network says of the sound, which phases and synthesis make sound of.

    `spectrum` holds log magnitudes [B, S, bins]; with two channels mid's, side's and lean, [B, S, 3, bins]. `log_gains`
    [B, S, knots] are those along each frame's window, if the codec has them.
    """

    spectrum: Tensor
    log_gains: Tensor | None = None


class Decoder(nn.Module):
    """[B, S, latent_size] -> a sketch, and from there to samples."""

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
        self.side = SideHead(config) if config.channels == 2 else None
        self.envelope = Envelope(config) if config.envelope_knots else None
        self.scale = config.scale
        self.spectra = MagnitudeSpectra(config.head_window, config.hop_samples, config.magnitude_floor)

    def forward(self, latents: Tensor) -> Sketch:
        body = self.body(latents)
        return Sketch(self.spectrum(latents, body), self.envelope and self.envelope(body))

    def spectrum(self, latents: Tensor, body: Tensor) -> Tensor:
        """Frame by frame from the latents [B, S, latent_size] and the body's output [B, S, width]."""
        magnitudes = self.scale.restore(self.direct(latents) + self.head(body))
        if self.levels is not None:
            magnitudes = self.levels(magnitudes, latents, body)
        return magnitudes if self.side is None else self.side(magnitudes, latents, body)

    def synthesise(self, sketch: Sketch) -> Tensor:
        """[B, S * hop] samples, or [B, C, S * hop] of two channels."""
        sketch = sketch._replace(spectrum=self.bounded(sketch.spectrum))
        with torch.no_grad():
            phases = integrate_phases(self.total(sketch.spectrum), self.spectra.window, self.spectra.hop)
        samples = self.spectra.overlapped(self.frames(sketch, phases))  # [B * C, T]
        return samples if self.side is None else samples.unflatten(0, (-1, 2))

    def bounded(self, spectrum: Tensor) -> Tensor:
        """Between the floor and a ceiling that keeps an untrained or misled head from overflowing; float32."""
        lowest, highest = math.log(self.spectra.floor), math.log(MAGNITUDE_CEILING)
        if self.side is None:
            return spectrum.float().clamp(lowest, highest)
        magnitudes, lean = spectrum.float().split((2, 1), dim=2)
        return torch.cat([magnitudes.clamp(lowest, highest), lean], dim=2)

    def total(self, spectrum: Tensor) -> Tensor:
        """Log magnitudes that the phases follow from, [B, S, bins]."""
        return spectrum if self.side is None else total_magnitudes(spectrum)

    def frames(self, sketch: Sketch, phases: Tensor) -> Tensor:
        """Tapered frames of sound [B * C, S, window] of a bounded spectrum and the phases [B, S, bins] of its total."""
        if self.side is None:
            spectra = torch.polar(self.spectra.linear(sketch.spectrum), phases)[:, None]
        else:
            spectra = two_channels(sketch.spectrum, phases, self.spectra)
        frames = self.spectra.frames(spectra)  # [B, C, S, window]
        if self.envelope is not None and sketch.log_gains is not None:
            frames = self.envelope.shape(frames, sketch.log_gains[:, None])
        return frames.flatten(0, 1)

    def produced_views(self, spectrum: Tensor) -> Tensor:
        """What the losses compare of a spectrum, float32 log magnitudes [N, S, bins]: N = B, or with two channels
        N = 4 * B, mid, side, left and right of every sound."""
        return spectrum.float() if self.side is None else four_views(spectrum.float(), self.spectra)

    def true_views(self, samples: Tensor) -> Tensor:
        """The same of true sound [B, T] or [B, C, T]."""
        if self.side is None:
            return self.spectra(samples)
        return self.spectra(torch.cat([side_by_side(samples), samples], dim=1)).flatten(0, 1)


class Codec(nn.Module):
    """Waveform to codes and back. `encode` and `decode` are the public doors; training uses the parts."""

    guesser: Guesser | None = None  # what guesses its codes for `.agc` files, if that has been trained

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
            channels=config.channels,
            codebooks=config.codebooks,
            codebook_size=config.codebook_size,
            identity=self._identity(),
        )

    @torch.inference_mode()
    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        """Code a waveform of any rate and channel count.

        Another rate is resampled. A mono codec hears the mean of the channels. A stereo codec hears mono on both
        channels, and so it does the mean of more than two.

        Args:
            waveform: samples [B, C, T].
            codebooks: how many of the codebooks to use, all by default; fewer is a lower bitrate.

        Returns:
            tokens [B, K, S] with S = ceil(T / hop) at the codec's rate.

        Raises:
            ValueError: no samples, a sample that is not finite, `codebooks` out of range, or a rate beyond what
                `codec.resampling` takes.
        """
        wanted = self.config.codebooks if codebooks is None else codebooks
        if not 1 <= wanted <= self.config.codebooks:
            raise ValueError(f"codebooks is {codebooks}; 1 to {self.config.codebooks} are allowed")
        if waveform.samples.shape[-1] == 0:
            raise ValueError("the waveform has no samples")
        if not torch.isfinite(waveform.samples).all():
            raise ValueError("the waveform holds samples that are not finite numbers")
        sound = self._resampled(self.mixed(waveform.samples), waveform.sample_rate).to(self._device)
        sound = F.pad(sound, (0, -sound.shape[-1] % self.config.hop_samples))
        return Codes(self.quantizer.encode(self.encoder(sound), wanted), self.spec)

    def mixed(self, samples: Tensor) -> Tensor:
        """Samples of any channel count as the encoder takes them: [B, C, T] -> [B, T], or [B, 2, T] of two channels."""
        if self.config.channels == 1:
            return samples.mean(dim=1)
        return samples if samples.shape[1] == 2 else samples.mean(dim=1, keepdim=True).expand(-1, 2, -1)

    def _resampled(self, samples: Tensor, sample_rate: int) -> Tensor:
        """[..., T] samples of any rate at the codec's own."""
        if sample_rate == self.config.sample_rate:
            return samples
        # A sound at a time: as channels of one stream they would have to be interleaved first.
        sounds = []
        for sound in samples.flatten(0, -2):
            resampler = StreamResampler(sample_rate, self.config.sample_rate, channels=1)
            sounds.append(torch.cat([resampler.push(sound[None]), resampler.finish()], dim=-1))
        return torch.cat(sounds).view(*samples.shape[:-1], -1)

    @torch.inference_mode()
    def decode(self, codes: Codes) -> Waveform:
        """The sound of codes: samples [B, C, S * hop] at the codec's rate.

        Raises:
            ValueError: the codes are of another codec.
        """
        if codes.spec.identity != self.spec.identity:
            raise ValueError(
                f"codes of codec {codes.spec.identity} cannot be decoded by codec {self.spec.identity}"
            )
        if codes.tokens.shape[-1] == 0:
            silence = torch.zeros(codes.tokens.shape[0], self.config.channels, 0)
            return Waveform(silence, self.config.sample_rate)
        samples = self.decoder.synthesise(self.decoder(self.quantizer.decode(codes.tokens.to(self._device))))
        samples = samples.view(len(samples), self.config.channels, -1)
        return Waveform(samples.cpu(), self.config.sample_rate)  # [B, C, T]

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
