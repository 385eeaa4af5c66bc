"""Small random codecs of other people, built and saved by their own libraries; `test_adapters` compares with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import codec

if TYPE_CHECKING:
    from encodec.model import EncodecModel as PackageModel

# One of each kind: hop 8, and segments of 400 samples that share 40 for "stereo".
ENCODEC = {"num_filters": 4, "hidden_size": 16, "codebook_size": 32, "upsampling_ratios": [4, 2]}
SHAPES: dict[str, dict[str, Any]] = {
    "mono": {"target_bandwidths": [60.0]},
    "musicgen": {"target_bandwidths": [80.0], "sampling_rate": 32_000, "use_causal_conv": False,
                 "use_conv_shortcut": False},
    "stereo": {"target_bandwidths": [120.0], "sampling_rate": 48_000, "audio_channels": 2, "normalize": True,
               "chunk_length_s": 400 / 48_000, "overlap": 0.1, "norm_type": "time_group_norm",
               "use_causal_conv": False},
}  # fmt: skip
CODEBOOKS = 4
NAMES = (*SHAPES, "dac", "mimi")


@torch.no_grad()
def enliven(model: torch.nn.Module, gain: float) -> None:
    """Codebooks that are not zero, as the libraries start them, and latents that move with the sound: without that
    all frames would get the same code and prove nothing."""
    rng = torch.Generator().manual_seed(1)
    for name, values in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith(("codebook.embed", "codebook.embed_sum")):
            values.copy_(0.3 * torch.randn(values.shape, generator=rng))
        elif name.startswith("encoder") and name.endswith("bias"):
            values.zero_()
        elif name.startswith("encoder") and values.dim() > 1:
            values.mul_(gain)


def build(name: str) -> Any:
    """A small random model of the transformers library, whose import takes seconds."""
    import transformers

    torch.manual_seed(0)
    if name == "dac":
        model = transformers.DacModel(transformers.DacConfig(
            encoder_hidden_size=4, downsampling_ratios=[2, 5], decoder_hidden_size=16, n_codebooks=CODEBOOKS,
            codebook_size=32, codebook_dim=4, sampling_rate=16_000,
        ))  # fmt: skip
    elif name == "mimi":
        model = transformers.MimiModel(transformers.MimiConfig(
            hidden_size=16, num_filters=4, codebook_size=32, codebook_dim=8, num_quantizers=CODEBOOKS,
            vector_quantization_hidden_dimension=8, upsample_groups=16, num_hidden_layers=1, intermediate_size=16,
            num_attention_heads=2, num_key_value_heads=2, head_dim=8, upsampling_ratios=[4, 2],
        ))  # fmt: skip
    else:
        model = transformers.EncodecModel(transformers.EncodecConfig(**ENCODEC, **SHAPES[name]))
    enliven(model, gain=1 if name == "mimi" else 2)
    return model.eval()


@pytest.fixture(scope="session")
def foreign_models() -> dict[str, Any]:
    return {name: build(name) for name in NAMES}


@pytest.fixture(scope="session")
def foreign_folders(
    foreign_models: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("foreign")
    for name, model in foreign_models.items():
        model.save_pretrained(root / name)
    return {name: root / name for name in foreign_models}


@pytest.fixture(scope="session")
def foreign_codecs(foreign_folders: dict[str, Path]) -> dict[str, codec.AudioCodec]:
    return {name: codec.load(folder) for name, folder in foreign_folders.items()}


def small_package_model(channels: int, **settings: Any) -> PackageModel:
    """A random EnCodec of the package `encodec` itself: hop 8, four codebooks of 32 entries."""
    from encodec.model import EncodecModel as PackageModel
    from encodec.modules.seanet import SEANetDecoder, SEANetEncoder
    from encodec.quantization.vq import ResidualVectorQuantizer

    torch.manual_seed(2)
    shape: dict[str, Any] = {
        "channels": channels,
        "dimension": 16,
        "n_filters": 4,
        "ratios": [4, 2],
        "causal": True,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight_norm.*", category=FutureWarning)
        model = PackageModel(
            SEANetEncoder(**shape), SEANetDecoder(**shape), ResidualVectorQuantizer(16, CODEBOOKS, 32),
            [1.0], 24_000, channels, **settings,
        )  # fmt: skip
    enliven(model, gain=2)
    return model.eval()


@pytest.fixture(scope="session")
def package_model() -> Callable[..., PackageModel]:
    """Builds a random EnCodec of the package `encodec` with its own settings."""
    return small_package_model
