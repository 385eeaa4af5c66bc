"""Test tunes: sampled instruments play what was written, an untrained player does not, and the floor is below."""

from __future__ import annotations

from pathlib import Path

from audiogen.comparison.suite.tunes import COLUMNS, measure_tunes
from audiogen.generator import Generator


def test_the_ceiling_stands_above_the_floor(tiny_weights: Path, here: Path) -> None:
    facts = {"count": 1, "seconds": 4, "seed": 1}
    panel = measure_tunes(Generator(tiny_weights), facts, here / "kesh.abc")
    assert panel.what.startswith("1 tunes of kesh.abc, 4 s each, ")
    for title in (
        "notes at pitch ↑ (share)",
        "notes heard ↑ (F1)",
        "onsets heard ↑ (F1)",
        "chroma ↑ (cosine)",
    ):
        means = panel.means[title]
        assert means["soundfont"].mean > max(means["floor"].mean, means["player"].mean), title
    assert set().union(*panel.means.values()) == set(COLUMNS)
