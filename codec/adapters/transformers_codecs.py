"""DAC (Kumar et al. 2023) and Mimi (Défossez et al. 2024) on the transformers library, 4.48 or newer.

Weights: descript/dac_16khz, dac_24khz and dac_44khz (MIT) and kyutai/mimi (CC-BY 4.0) on the hub. The library is handed
the settings and the tensors and opens no file itself, so that it has nothing to unpickle and no code to run.
Axes: B batch, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
import transformers
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor

from codec.adapters.base import ForeignCodec
from codec.adapters.checkpoint_folder import ForeignCheckpoint, identity
from codec.types import CheckpointError, CodecSpec, Codes


class DacCodec(ForeignCodec):
    """DAC as an `AudioCodec`: S = ceil(T / hop), the sound filled up with zeros to whole frames as DAC does it."""

    def __init__(self, checkpoint: ForeignCheckpoint, device: str) -> None:
        config = _config(transformers.DacConfig, checkpoint)
        # hop_length in the files on the hub is 512 whatever the ratios are.
        hop_samples = math.prod(config.downsampling_ratios)
        super().__init__(_spec(checkpoint, config, hop_samples, 1, config.n_codebooks), device)
        self._network = _network(transformers.DacModel, config, checkpoint).to(device)

    def _encode(self, samples: Tensor) -> Codes:
        whole = F.pad(samples, (0, -samples.shape[-1] % self._spec.hop_samples))
        return Codes(self._network.encode(whole).audio_codes, self._spec)

    def _decode(self, codes: Codes) -> Tensor:
        return self._network.decode(audio_codes=codes.tokens.to(self._device)).audio_values


class MimiCodec(ForeignCodec):
    """Mimi as an `AudioCodec`: S = ceil(T / hop)."""

    def __init__(self, checkpoint: ForeignCheckpoint, device: str) -> None:
        config = _config(transformers.MimiConfig, checkpoint)
        hop = config.sampling_rate / config.frame_rate
        if abs(hop - round(hop)) > 1e-6:
            raise CheckpointError(
                f"{checkpoint.config_path}: a frame is {hop:.3f} samples; it must be a whole number of them"
            )
        spec = _spec(checkpoint, config, round(hop), config.audio_channels, config.num_quantizers)
        super().__init__(spec, device)
        self._network = _network(transformers.MimiModel, config, checkpoint).to(device)

    def _encode(self, samples: Tensor) -> Codes:
        return Codes(self._network.encode(samples).audio_codes, self._spec)

    def _decode(self, codes: Codes) -> Tensor:
        return self._network.decode(codes.tokens.to(self._device)).audio_values


def _spec(
    checkpoint: ForeignCheckpoint, config: Any, hop_samples: int, channels: int, codebooks: int
) -> CodecSpec:
    facts = {"kind": config.model_type, "sample_rate": config.sampling_rate, "hop_samples": hop_samples}
    try:
        return CodecSpec(
            sample_rate=config.sampling_rate,
            hop_samples=hop_samples,
            channels=channels,
            codebooks=codebooks,
            codebook_size=config.codebook_size,
            identity=identity(facts, checkpoint.tensors),
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.config_path}: {error}") from error


def _config(cls: type[Any], checkpoint: ForeignCheckpoint) -> Any:
    try:
        return cls.from_dict(checkpoint.config)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(f"{checkpoint.config_path}: {_line(error)}") from error


def _network(cls: type[Any], config: Any, checkpoint: ForeignCheckpoint) -> Any:
    """The library's model in single precision, ready for use.

    Its own loader, since that knows the names that weights had in earlier versions; but what it would only warn of
    is refused.
    """
    try:
        with _quiet():
            network, report = cls.from_pretrained(
                None, config=config, state_dict=checkpoint.tensors, output_loading_info=True,
                ignore_mismatched_sizes=True, use_safetensors=True, trust_remote_code=False,
            )  # fmt: skip
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{checkpoint.folder}: {_line(error)}") from error
    for kind in ("missing", "unexpected", "mismatched"):
        names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in report[f"{kind}_keys"])
        if names:
            raise CheckpointError(f"{checkpoint.weights_path}: {kind} {', '.join(names[:3])}")
    return network.float().eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's progress bar and report, of what is refused or expected, off the screen."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def _line(error: Exception) -> str:
    """The library's words on one line."""
    return " ".join(str(error).split())
