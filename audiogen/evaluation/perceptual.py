"""ViSQOL (Chinen et al. 2020): a perceptual quality score, 1 ... 4.73, in its audio mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from audiogen.evaluation.material import mono
from codec.audio_files import resample
from codec.types import Waveform

HINT = "ViSQOL is missing: pip install 'audiogen[evaluate]'"
# What the audio mode's model was made for; sound of a lower rate is brought up to it, the reference as well.
SAMPLE_RATE = 48_000


def require_visqol() -> type[Any]:
    """The package's door.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        from visqol import VisqolApi  # pyright: ignore[reportMissingImports] - an extra
    except ImportError as error:
        raise ValueError(HINT) from error
    return VisqolApi


class Visqol:
    """ViSQOL ready to compare sounds with one original.

    Raises:
        ValueError: the package is not installed.
    """

    def __init__(self, wanted: Waveform) -> None:
        self._api: Any = require_visqol()()
        self._api.create(mode="audio")
        self._wanted = _prepared(wanted)

    def score(self, produced: Waveform) -> float:
        """MOS-LQO of `produced`, mixed down to mono."""
        return float(self._api.measure_from_arrays(self._wanted, _prepared(produced), SAMPLE_RATE).moslqo)


def _prepared(sound: Waveform) -> np.ndarray:
    return mono(resample(sound, SAMPLE_RATE)).astype("float64")
