"""Embeddings of sound, in which distances between sets of sounds are taken; each names itself.

The one that ships with us is our codec's encoder: the mean and the spread of its latents over each second. It knows
timbre and level rather than music, and it is the codec that our player speaks through: it favours that route in so far
as the codec's own losses are invisible to it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from audiogen.comparison.metrics import vggish
from audiogen.loudness import to_model_level
from codec.model import Codec

Embedding = Callable[[np.ndarray, int], np.ndarray]

SECONDS = 1.0


def codec_embedding(network: Codec) -> tuple[str, Embedding]:
    """The name of our codec's embedding, and the function: mono [T] at a rate to [windows, features]."""
    rate = network.spec.sample_rate

    @torch.no_grad()
    def embed(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        if sample_rate != rate:
            raise ValueError(f"sound at {sample_rate} Hz; the embedding takes {rate} Hz")
        whole = len(samples) // network.spec.hop_samples * network.spec.hop_samples
        levelled = to_model_level(samples[:whole].astype(np.float32), rate)
        latents = network.encoder(network.mixed(torch.from_numpy(levelled)[None, None]))[0].float()  # [S, D]
        frames = round(SECONDS * network.spec.frame_rate)
        count = latents.shape[0] // frames
        windows = latents[: count * frames].reshape(count, frames, -1)
        return torch.cat([windows.mean(dim=1), windows.std(dim=1)], dim=1).cpu().numpy()  # [windows, 2 D]

    return f"codec {network.spec.identity} latents, mean and spread of each second", embed


def embedding_of(name: str, network: Codec) -> tuple[str, Embedding]:
    """The embedding of that name.

    Args:
        name: "codec" for ours, a folder with vggish.safetensors, or a folder (or a name in the local Hugging Face
            cache) of an EnCodec or a CLAP as the transformers library saves them; nothing is downloaded.
        network: our codec.

    Raises:
        ValueError: no such weights, weights of another kind, or transformers is missing.
    """
    if name == "codec":
        return codec_embedding(network)
    if (Path(name) / vggish.FILE).is_file():
        return _vggish_embedding(Path(name))
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise ValueError(
            f"embedding {name!r} needs transformers: pip install 'audiogen[musicgen]'"
        ) from error
    try:
        kind = AutoConfig.from_pretrained(name, local_files_only=True, trust_remote_code=False).model_type
    except (OSError, ValueError) as error:
        raise ValueError(f"embedding {name!r} is neither 'codec' nor weights that are at hand") from error
    if kind not in FOREIGN:
        raise ValueError(
            f"embedding {name!r} is of a {kind}; codec, {', '.join(FOREIGN)} and VGGish are known"
        )
    return FOREIGN[kind](name)


def _encodec_embedding(name: str) -> tuple[str, Embedding]:
    """Mean and spread of EnCodec's continuous latents over each second."""
    from transformers import EncodecModel

    model = EncodecModel.from_pretrained(name, local_files_only=True, use_safetensors=True).eval()
    rate, channels = model.config.sampling_rate, model.config.audio_channels

    @torch.no_grad()
    def embed(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        rows = []
        for window in _windows(samples, sample_rate, rate):
            latents = model.encoder(torch.from_numpy(window).expand(1, channels, -1))[0]  # [D, S]
            rows.append(torch.cat((latents.mean(dim=1), latents.std(dim=1))))
        return _stacked(rows)

    return f"EnCodec {Path(name).name} latents, mean and spread of each second", embed


def _clap_embedding(name: str) -> tuple[str, Embedding]:
    """CLAP's embedding (Wu et al. 2023) of each second, which it repeats to the length that it takes."""
    from transformers import ClapFeatureExtractor, ClapModel

    model = ClapModel.from_pretrained(name, local_files_only=True, use_safetensors=True).eval()
    processor = ClapFeatureExtractor.from_pretrained(name, local_files_only=True)

    @torch.no_grad()
    def embed(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        rows = []
        for window in _windows(samples, sample_rate, processor.sampling_rate):
            inputs = processor(window, sampling_rate=processor.sampling_rate, return_tensors="pt")
            found = model.audio_model(**inputs).pooler_output
            rows.append(model.audio_projection(found)[0])
        return _stacked(rows)

    return f"CLAP {Path(name).name}, each second", embed


def _vggish_embedding(folder: Path) -> tuple[str, Embedding]:
    """VGGish's features of each 0.96 s."""
    model = vggish.load_vggish(folder)

    @torch.no_grad()
    def embed(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        return model(vggish.log_mel_examples(_at_rate(samples, sample_rate, vggish.RATE))).numpy()

    return f"VGGish {folder.name}, each 0.96 s", embed


FOREIGN: dict[str, Callable[[str], tuple[str, Embedding]]] = {
    "encodec": _encodec_embedding,
    "clap": _clap_embedding,
}


def _at_rate(samples: np.ndarray, sample_rate: int, rate: int) -> np.ndarray:
    """A mono sound at one level and another rate."""
    import soxr

    levelled = to_model_level(samples.astype(np.float32), sample_rate)
    return levelled if sample_rate == rate else soxr.resample(levelled, sample_rate, rate)


def _windows(samples: np.ndarray, sample_rate: int, rate: int) -> list[np.ndarray]:
    """Whole seconds of a mono sound at one level and another rate."""
    levelled = _at_rate(samples, sample_rate, rate)
    size = round(SECONDS * rate)
    return [levelled[start : start + size] for start in range(0, len(levelled) - size + 1, size)]


def _stacked(rows: list[torch.Tensor]) -> np.ndarray:
    return torch.stack(rows).numpy() if rows else np.zeros((0, 1), np.float32)
