"""EnCodec (Défossez et al. 2022) of any rate, on the package `encodec`: 24 kHz, 48 kHz and MusicGen's 32 kHz.

The package's own loading unpickles a file from the web, so it is not used. Weights come from model.safetensors, named
as the transformers library names them (facebook/encodec_24khz, encodec_48khz and encodec_32khz on the hub) or as the
package does. Those of 32 kHz are CC-BY-NC 4.0, those of 48 kHz MIT; the card of 24 kHz names no licence. The package
is CC-BY-NC 4.0 in its release 0.1.1 and MIT in its repository since.
Axes: B batch, C channels, T samples, K codebooks, S frames, N segments.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from encodec.model import EncodecModel
from encodec.modules.seanet import SEANetDecoder, SEANetEncoder
from encodec.quantization.vq import ResidualVectorQuantizer
from torch import Tensor

from codec.adapters.base import ForeignCodec
from codec.adapters.checkpoint_folder import ForeignCheckpoint, identity
from codec.checkpoint import load_weights
from codec.types import CheckpointError, CodecSpec, Codes

# Of a codebook only its entries are needed; the rest is the state of its training.
LEARNING = ("inited", "cluster_size", "embed_avg")
# The package's names of modules and the transformers library's.
NAMES = (
    ("quantizer.vq.", "quantizer."), ("._codebook.", ".codebook."), (".model.", ".layers."),
    (".conv.conv.", ".conv."), (".convtr.convtr.", ".conv."), (".conv.norm.", ".norm."), (".convtr.norm.", ".norm."),
)  # fmt: skip
# How newer and older versions of PyTorch name the two factors of a weight-normed layer.
FACTORS = (
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
)


@dataclass(frozen=True)
class EncodecShape:
    """The part of config.json that decides the network, under the names and with the defaults it has there."""

    sampling_rate: int = 24_000
    audio_channels: int = 1
    normalize: bool = False
    chunk_length_s: float | None = None
    overlap: float | None = None
    hidden_size: int = 128
    num_filters: int = 32
    num_residual_layers: int = 1
    upsampling_ratios: tuple[int, ...] = (8, 5, 4, 2)
    norm_type: str = "weight_norm"
    kernel_size: int = 7
    last_kernel_size: int = 7
    residual_kernel_size: int = 3
    dilation_growth_rate: int = 2
    use_causal_conv: bool = True
    pad_mode: str = "reflect"
    compress: int = 2
    num_lstm_layers: int = 2
    trim_right_ratio: float = 1.0
    codebook_size: int = 1024
    use_conv_shortcut: bool = True

    def __post_init__(self) -> None:
        if self.sampling_rate < 1 or self.hop_samples < 1:
            raise ValueError(
                f"{self.sampling_rate} Hz in frames of {self.hop_samples}; both must be at least 1"
            )
        if self.audio_channels not in (1, 2):
            raise ValueError(f"audio_channels is {self.audio_channels}; 1 and 2 are allowed")
        if self.codebook_size < 2 or self.codebook_size & (self.codebook_size - 1):
            raise ValueError(f"codebook_size is {self.codebook_size}; it must be a power of 2")
        if self.segment_samples % self.hop_samples:
            raise ValueError(
                f"segments of {self.segment_samples} samples are no whole frames of {self.hop_samples}"
            )
        if self.chunk_length_s is not None and not 0 <= (self.overlap or 0) <= 0.5:
            raise ValueError(f"overlap is {self.overlap}; 0 to 0.5 are allowed")

    @property
    def hop_samples(self) -> int:
        """Samples of one frame."""
        return math.prod(self.upsampling_ratios)

    @property
    def segment_samples(self) -> int:
        """Length of one segment; 0 if a sound is coded in one piece."""
        return int((self.chunk_length_s or 0) * self.sampling_rate)

    @property
    def stride_samples(self) -> int:
        """From the start of one segment to the next; 0 if there are none."""
        return int((1 - (self.overlap or 0)) * self.segment_samples)

    @property
    def facts(self) -> dict[str, Any]:
        """What gives codes their meaning and cannot be seen in the weights."""
        return {
            "kind": "encodec", "sample_rate": self.sampling_rate, "normalize": self.normalize,
            "segment_samples": self.segment_samples, "stride_samples": self.stride_samples,
            "causal": self.use_causal_conv, "pad_mode": self.pad_mode, "dilation": self.dilation_growth_rate,
        }  # fmt: skip


class EncodecCodec(ForeignCodec):
    """EnCodec as an `AudioCodec`.

    Without segments S = ceil(T / hop). With them, as at 48 kHz, each is coded by itself, which the codes hold one after
    the other with one scale each; a last segment shorter than the overlap is filled up with zeros, so that all others
    are whole and the codes alone say where they begin.
    """

    def __init__(self, checkpoint: ForeignCheckpoint, device: str) -> None:
        shape = _shape(checkpoint)
        codebooks = sum(name.endswith("codebook.embed") for name in checkpoint.tensors)
        if codebooks == 0:
            raise CheckpointError(f"{checkpoint.weights_path}: holds no codebooks")
        network = _network(shape, codebooks, checkpoint)
        tensors = _renamed(checkpoint.tensors, network.state_dict())
        load_weights(network, tensors, checkpoint.weights_path.with_suffix(""), optional=LEARNING)
        spec = CodecSpec(
            sample_rate=shape.sampling_rate,
            hop_samples=shape.hop_samples,
            channels=shape.audio_channels,
            codebooks=codebooks,
            codebook_size=shape.codebook_size,
            identity=identity(shape.facts, tensors),
            overlap_samples=shape.segment_samples - shape.stride_samples,
        )
        super().__init__(spec, device)
        self._shape = shape
        self._network = network.eval().requires_grad_(False).to(device)

    def _encode(self, samples: Tensor) -> Codes:
        pieces = self._network.encode(self._with_whole_segments(samples))
        tokens = torch.cat([codes for codes, _ in pieces], dim=-1)  # [B, K, S]
        if not (self._shape.normalize or self._shape.segment_samples):
            return Codes(tokens, self._spec)
        ones = torch.ones(samples.shape[0], 1)
        scales = [ones if scale is None else scale.cpu() for _, scale in pieces]
        return Codes(tokens, self._spec, torch.cat(scales, dim=1))  # scales [B, N]

    def _decode(self, codes: Codes) -> Tensor:
        frames = codes.tokens.shape[-1]
        per_segment = self._shape.segment_samples // self._shape.hop_samples or frames
        bounds = [*range(0, frames, per_segment), frames]
        scales = self._scales(codes, len(bounds) - 1)
        pieces = [
            (codes.tokens[..., start:stop].to(self._device), scale)
            for (start, stop), scale in zip(pairwise(bounds), scales, strict=True)
        ]
        return self._network.decode(pieces)

    def _with_whole_segments(self, samples: Tensor) -> Tensor:
        stride, length = self._shape.stride_samples, samples.shape[-1]
        starts = range(0, length, stride) if self._shape.segment_samples else range(1)
        missing = starts[-1] + self._spec.overlap_samples - length
        return F.pad(samples, (0, missing)) if len(starts) > 1 and missing > 0 else samples

    def _scales(self, codes: Codes, segments: int) -> list[Tensor | None]:
        """One scale [B, 1] for each segment; None where the network was not made to have them."""
        found = 0 if codes.scales is None else codes.scales.shape[1]
        if (self._shape.normalize or self._shape.segment_samples) and found != segments:
            raise ValueError(f"codes of {segments} segments come with {found} scales; each needs one")
        if codes.scales is None or not self._shape.normalize:
            return [None] * segments
        return list(codes.scales.to(self._device).split(1, dim=1))


def _shape(checkpoint: ForeignCheckpoint) -> EncodecShape:
    """The settings; what else the library wrote into the file is not needed."""
    names = {field.name for field in fields(EncodecShape)}
    known = {key: value for key, value in checkpoint.config.items() if key in names}
    try:
        known["upsampling_ratios"] = tuple(known.get("upsampling_ratios", EncodecShape.upsampling_ratios))
        return EncodecShape(**known)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{checkpoint.config_path}: {error}") from error


def _network(shape: EncodecShape, codebooks: int, checkpoint: ForeignCheckpoint) -> EncodecModel:
    settings = {
        "channels": shape.audio_channels, "dimension": shape.hidden_size, "n_filters": shape.num_filters,
        "n_residual_layers": shape.num_residual_layers, "ratios": list(shape.upsampling_ratios),
        "norm": shape.norm_type, "kernel_size": shape.kernel_size, "last_kernel_size": shape.last_kernel_size,
        "residual_kernel_size": shape.residual_kernel_size, "dilation_base": shape.dilation_growth_rate,
        "causal": shape.use_causal_conv, "pad_mode": shape.pad_mode, "true_skip": not shape.use_conv_shortcut,
        "compress": shape.compress, "lstm": shape.num_lstm_layers,
    }  # fmt: skip
    with warnings.catch_warnings():
        # The package uses the older of PyTorch's two ways to norm weights, and PyTorch says so.
        warnings.filterwarnings("ignore", message=".*weight_norm.*", category=FutureWarning)
        try:
            return EncodecModel(
                SEANetEncoder(**settings),
                SEANetDecoder(**settings, trim_right_ratio=shape.trim_right_ratio),
                ResidualVectorQuantizer(shape.hidden_size, codebooks, shape.codebook_size),
                target_bandwidths=[],
                sample_rate=shape.sampling_rate,
                channels=shape.audio_channels,
                normalize=shape.normalize,
                segment=shape.chunk_length_s,
                overlap=shape.overlap or 0,
            )
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise CheckpointError(f"{checkpoint.config_path}: describes no EnCodec ({error})") from error


def _renamed(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the package's names, without the learning state; unknown ones keep theirs."""
    names = {_replaced(name, NAMES): name for name in expected}
    plain = {
        _replaced(name, FACTORS): tensor for name, tensor in tensors.items() if not name.endswith(LEARNING)
    }
    return {names.get(name, name): tensor for name, tensor in plain.items()}


def _replaced(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name
