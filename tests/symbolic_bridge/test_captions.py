"""Captions read back as the attributes that they name."""

from __future__ import annotations

import numpy as np
import pytest

from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.captions import compose_caption, pace_of, write_caption
from symbolic_bridge.instruments import ACCOMPANIMENTS, LEADS
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.moods import MOODS
from symbolic_bridge.prompts import parse_prompt
from symbolic_bridge.tune import Meter

TONICS = ("C", "D", "E", "F", "G", "A", "B", "Bb", "Eb", "F#")
MODES = ("major", "minor", "dorian", "mixolydian")
EXACT = (
    "kind",
    "meter",
    "tonic",
    "mode",
    "mood",
    "instrument",
    "accompaniment",
    "form",
    "duration_seconds",
    "bars",
)


def random_attributes(rng: np.random.Generator) -> TuneAttributes:
    """Any attributes that a clip of the training data may have."""

    def pick(options: tuple) -> object:
        return options[int(rng.integers(len(options)))]

    kind = KINDS[str(pick(tuple(KINDS)))]
    return TuneAttributes(
        kind=kind.id,
        meter=kind.meter,
        tonic=str(pick(TONICS)) if rng.random() < 0.8 else None,
        mode=str(pick(MODES)),
        tempo_bpm=float(min(kind.tempo_bpm * rng.uniform(0.65, 1.4), 330.0)),
        tempo_is_felt=True,
        mood=str(pick(tuple(MOODS))) if rng.random() < 0.7 else None,
        instrument=str(pick(LEADS)),
        accompaniment=str(pick(ACCOMPANIMENTS)),
        form=str(pick(("AABB", "AB", "ABAC", "AABBCC"))),
        duration_seconds=float(pick((10, 20.5, 30, 60, 90, 120))),  # type: ignore[arg-type]
        bars=int(pick((8, 16, 32))),  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("block", range(10))
def test_a_caption_reads_back_as_what_it_names(block: int) -> None:
    for seed in range(50 * block, 50 * block + 50):
        rng = np.random.default_rng(seed)
        attributes = random_attributes(rng)
        caption = compose_caption(attributes, rng)
        read = parse_prompt(caption.text)
        assert caption.named, caption
        assert (read.unknown, read.notices) == ((), ()), (caption, read)
        for name in EXACT:
            expected = getattr(attributes, name) if name in caption.named else None
            assert getattr(read, name) == expected, (caption, name, getattr(read, name))
        if "tempo_factor" in caption.named:
            pace = pace_of(attributes)
            assert pace is not None
            assert read.tempo_factor is not None, caption
            # Moods and paces between 0.9 and 1.1 count as steady.
            assert (pace < 0.9) == (read.tempo_factor < 0.9), (caption, pace, read.tempo_factor)
            assert (pace >= 1.1) == (read.tempo_factor > 1.05), (caption, pace, read.tempo_factor)
        if "tempo_bpm" in caption.named and "kind" in caption.named:
            heard, asked = resolve(read).tempo_bpm, attributes.tempo_bpm
            assert heard is not None
            assert asked is not None
            assert heard == pytest.approx(asked, abs=3), caption


def test_the_same_seed_writes_the_same_caption_and_others_vary() -> None:
    attributes = random_attributes(np.random.default_rng(3))
    texts = [write_caption(attributes, np.random.default_rng(seed)) for seed in range(200)]
    assert texts == [write_caption(attributes, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(texts)) > 150


def test_a_caption_of_nothing_is_still_a_prompt() -> None:
    for seed in range(20):
        text = write_caption(TuneAttributes(), np.random.default_rng(seed))
        assert parse_prompt(text).kind is None


def test_an_attribute_alone_is_named() -> None:
    for seed in range(20):
        caption = compose_caption(TuneAttributes(meter=Meter(7, 8)), np.random.default_rng(seed))
        assert caption.named == {"meter"}
        assert "7/8" in caption.text
