"""ViSQOL (Chinen et al. 2020): a perceptual quality score, 1 ... 4.73, in its audio mode."""

from __future__ import annotations

from typing import Any

from audiogen.evaluation.material import mono
from codec.audio_files import resample
from codec.types import Waveform

HINT = "ViSQOL is missing: pip install 'audiogen[evaluate]'"
# What the audio mode's model was made for; sound of a lower rate is brought up to it, the reference as well.
SAMPLE_RATE = 48_000


class Visqol:
    """ViSQOL ready to measure; its model is loaded once.

    Raises:
        ValueError: the package is not installed.
    """

    def __init__(self) -> None:
        try:
            from visqol import VisqolApi  # pyright: ignore[reportMissingImports] - an extra
        except ImportError as error:
            raise ValueError(HINT) from error
        self._api: Any = VisqolApi()
        self._api.create(mode="audio")

    def score(self, produced: Waveform, wanted: Waveform) -> float:
        """MOS-LQO of `produced` against `wanted`, both mixed down to mono."""
        made, true = (mono(resample(sound, SAMPLE_RATE)).astype("float64") for sound in (produced, wanted))
        return float(self._api.measure_from_arrays(true, made, SAMPLE_RATE).moslqo)
