"""Distances between sets of sounds in an embedding: Frechet (FAD) and kernel (KAD).

FAD (Kilgour et al. 2019) compares two Gaussians; with few samples it is biased upwards, the more so the more
dimensions. KAD (Chung et al. 2025) is the unbiased estimate of the squared maximum mean discrepancy with a Gaussian
kernel as wide as the median distance within the reference, times 100; it may come out a little below 0 for equal sets.

The embedding that ships with us is our codec's encoder: the mean and the spread of its latents over each second. It
knows timbre and level rather than music, and it is the codec that our player speaks through: it favours that route in
so far as the codec's own losses are invisible to it. Other embeddings can be passed in; each figure names its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from audiogen.comparison.metrics.statistics import Interval
from audiogen.loudness import to_model_level
from codec.model import Codec

Embedding = Callable[[np.ndarray, int], np.ndarray]

SECONDS = 1.0
FEWEST = 2
FEWEST_TO_JACKKNIFE = 3
Z_95 = 1.96


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
        name: "codec" for ours, or a folder (or a name in the local Hugging Face cache) of an EnCodec or a CLAP as the
            transformers library saves them; nothing is downloaded.
        network: our codec.

    Raises:
        ValueError: no such weights, weights of another kind, or transformers is missing.
    """
    if name == "codec":
        return codec_embedding(network)
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
        raise ValueError(f"embedding {name!r} is of a {kind}; codec, {' and '.join(FOREIGN)} are known")
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


FOREIGN: dict[str, Callable[[str], tuple[str, Embedding]]] = {
    "encodec": _encodec_embedding,
    "clap": _clap_embedding,
}


def _windows(samples: np.ndarray, sample_rate: int, rate: int) -> list[np.ndarray]:
    """Whole seconds of a mono sound at one level and another rate."""
    import soxr

    levelled = to_model_level(samples.astype(np.float32), sample_rate)
    if sample_rate != rate:
        levelled = soxr.resample(levelled, sample_rate, rate)
    size = round(SECONDS * rate)
    return [levelled[start : start + size] for start in range(0, len(levelled) - size + 1, size)]


def _stacked(rows: list[torch.Tensor]) -> np.ndarray:
    return torch.stack(rows).numpy() if rows else np.zeros((0, 1), np.float32)


def jackknife(
    distance: Callable[[np.ndarray, np.ndarray], float],
    made: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
) -> Interval:
    """A distance of sets given sound by sound, and its 95 % interval; without width where there are few sounds.

    Args:
        distance: of embeddings.
        made, real: embeddings of each sound; the n-th of both are of one prompt.
    """
    whole = distance(np.concatenate(made), np.concatenate(real))
    count = min(len(made), len(real))
    if count < FEWEST_TO_JACKKNIFE:
        return Interval(whole, whole, whole, count)
    without = np.array([
        distance(np.concatenate([*made[:n], *made[n + 1 :]]), np.concatenate([*real[:n], *real[n + 1 :]]))
        for n in range(count)
    ])  # fmt: skip
    error = float(np.sqrt((count - 1) / count * np.square(without - without.mean()).sum()))
    return Interval(whole, whole - Z_95 * error, whole + Z_95 * error, count)


def frechet_distance(made: np.ndarray, real: np.ndarray) -> float:
    """FAD of embeddings [N, D] and [M, D]; 0 for equal sets.

    Raises:
        ValueError: fewer than two embeddings in either.
    """
    _check(made, real)
    difference = made.mean(axis=0) - real.mean(axis=0)
    first, second = (np.cov(rows, rowvar=False).reshape(rows.shape[1], -1) for rows in (made, real))
    # tr(sqrt(AB)) by the eigenvalues of the symmetric sqrt(A) B sqrt(A).
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root).clip(0)
    distance = difference @ difference + np.trace(first) + np.trace(second) - 2 * np.sqrt(inner).sum()
    return max(0.0, float(distance))


def kernel_distance(made: np.ndarray, real: np.ndarray) -> float:
    """KAD of embeddings [N, D] and [M, D]: 100 times the unbiased squared MMD.

    Raises:
        ValueError: fewer than two embeddings in either.
    """
    _check(made, real)
    within = _squares(real, real)
    upper = within[np.triu_indices(len(real), 1)]
    width = float(np.median(upper)) or 1.0  # the square of the median distance
    own = np.exp(-within / (2 * width))
    other = np.exp(-_squares(made, made) / (2 * width))
    across = np.exp(-_squares(made, real) / (2 * width))
    n, m = len(made), len(real)
    squared = (other.sum() - n) / (n * (n - 1)) + (own.sum() - m) / (m * (m - 1)) - 2 * float(across.mean())
    return 100 * float(squared)


def _check(made: np.ndarray, real: np.ndarray) -> None:
    if min(len(made), len(real)) < FEWEST:
        raise ValueError(f"{len(made)} and {len(real)} embeddings; at least {FEWEST} of each are needed")


def _squares(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared distances [N, M]."""
    square = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * rows @ others.T
    return np.maximum(square, 0)
