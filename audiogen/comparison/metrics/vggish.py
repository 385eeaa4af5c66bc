"""VGGish (Hershey et al. 2017), the embedding that FAD was introduced with, from weights that are at hand.

Sound at 16 kHz becomes log-mel spectrograms of 0.96 s (windows of 25 ms every 10 ms, 64 bands of magnitudes from 125
to 7,500 Hz), and each becomes 128 numbers. As in the usual measurements of FAD, the last activation and the PCA that
came with AudioSet's features are left out. With random weights the numbers agree with those of the package torchvggish
0.2 to 1e-5 of their range.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

FILE = "vggish.safetensors"
RATE, WINDOW, HOP, SPECTRUM = 16000, 400, 160, 512
BANDS, LOWEST_HZ, HIGHEST_HZ, OFFSET = 64, 125.0, 7500.0, 0.01
FRAMES, FEATURES = 96, 128
# Channels of the convolutions, each with a rectifier; None halves both axes.
LAYERS: tuple[int | None, ...] = (64, None, 128, None, 256, 256, None, 512, 512, None)


class Vggish(nn.Module):
    """Log-mel examples [N, 96, 64] to features [N, 128]; the tensors go by the names of torchvggish."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in LAYERS:
            if width is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        halvings = LAYERS.count(None)
        flat = channels * (FRAMES >> halvings) * (BANDS >> halvings)
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(flat, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, FEATURES)
        )

    def forward(self, examples: Tensor) -> Tensor:
        found = self.features(examples[:, None])  # [N, C, 6, 4]
        return self.embeddings(found.permute(0, 2, 3, 1).flatten(1))


def load_vggish(folder: Path) -> Vggish:
    """The network with the weights of `folder`/vggish.safetensors: torchvggish's tensors by their own names.

    Raises:
        ValueError: the file cannot be read, or its tensors are others.
    """
    path = folder / FILE
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    model = Vggish()
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{path}: holds other tensors than VGGish: {str(error).splitlines()[-1].strip()}"
        ) from error
    return model.eval()


def log_mel_examples(samples: np.ndarray) -> Tensor:
    """Sound at 16 kHz, float [T] in -1 ... 1, to whole examples [N, 96, 64]; what is left at the end is dropped."""
    count = max(0, 1 + (len(samples) - WINDOW) // HOP)
    whole = count // FRAMES
    if not whole:
        return torch.zeros(0, FRAMES, BANDS)
    sound = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    frames = sound.unfold(0, WINDOW, HOP)[: whole * FRAMES]  # [frames, window]
    spectrum = torch.fft.rfft(frames * torch.hann_window(WINDOW), n=SPECTRUM).abs()
    return torch.log(spectrum @ _bands() + OFFSET).reshape(whole, FRAMES, BANDS)


def _bands() -> Tensor:
    """Triangles [bins, bands], straight in mel rather than in hertz."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    bins = mel(np.linspace(0.0, RATE / 2, SPECTRUM // 2 + 1))[:, None]
    edges = np.linspace(mel(LOWEST_HZ), mel(HIGHEST_HZ), BANDS + 2)
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - below) / (centre - below), (above - bins) / (above - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return torch.from_numpy(weights.astype(np.float32))
