"""`audiogen.evaluate`: the figures of the command line as a value, and as tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import audiogen
from audiogen.comparison.suite import run
from audiogen.evaluation.evaluate import Evaluation
from audiogen.generator import Generator
from audiogen.soundfont import SoundfontError, find_soundfont


@pytest.fixture
def generator(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Generator:
    """Tiny weights and the small font, which loads at once."""
    try:
        monkeypatch.setenv("AUDIOGEN_SOUNDFONT", str(find_soundfont("TimGM6mb.sf2")))
    except SoundfontError as error:
        pytest.skip(str(error))
    return Generator(tiny_weights)


def test_figures_come_with_a_table_for_each_group(generator: Generator, here: Path) -> None:
    pytest.importorskip("pandas")
    found = audiogen.evaluate("gate", tunes=here / "kesh.abc", count=1, seconds=4, generator=generator)
    assert (found.what, found.figures["notes"] > 0) == ("gate", True)
    frames = found.frames()
    assert list(frames["measures"].index) == list(found.figures["measures"])
    assert frames["measures"].loc["pitch", "kept"] == found.figures["measures"]["pitch"]["kept"]
    assert frames["all"].loc[0, "notes"] == found.figures["notes"]
    assert len(frames["by_group"]) == 1
    assert frames["target"].loc[0, "measure"] == "both"


def test_transcriptions_are_measured_with_both_ears(generator: Generator, here: Path) -> None:
    found = audiogen.evaluate(
        "transcription", tunes=here / "kesh.abc", count=1, seconds=6, generator=generator
    )
    assert found.figures["f1_ours"] > 0.8
    # An untrained player hears nothing right.
    assert found.figures["f1_by_player"] < 0.3


def test_the_fixed_suite_gives_its_summary(
    generator: Generator, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    plan = run.suite_plan()
    short = replace(plan, prompts=plan.prompts[:1], routes=("soundfont",), seconds=2.0)
    facts = {**run.suite_facts(), "tunes": {"count": 1, "seconds": 3, "seed": 1}}
    monkeypatch.setattr(run, "suite_plan", lambda replies: short)
    monkeypatch.setattr(run, "suite_facts", lambda: facts)
    found = audiogen.evaluate(
        "all",
        tunes=here / "kesh.abc",
        work=tmp_path / "work",
        results=tmp_path / "results",
        generator=generator,
    )
    assert found.figures["tune_means"]["notes at pitch ↑ (share)"]["soundfont"]["count"] == 1
    assert found.figures["means"]["pitch_right"]["soundfont"]["count"] == 1
    assert "means" in found.frames()
    assert (tmp_path / "results" / "README.md").is_file()


def test_a_measurement_takes_only_what_it_can_use(generator: Generator, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="'loudness' is not one of gate, melody, long, transcription, codec, tunes"
    ):
        audiogen.evaluate("loudness", generator=generator)
    with pytest.raises(ValueError, match="recordings is nothing that the evaluation 'tunes' takes"):
        audiogen.evaluate("tunes", recordings=["a.wav"], generator=generator)
    with pytest.raises(ValueError, match="two folders"):
        audiogen.evaluate("all", work=tmp_path, generator=generator)


def test_empty_groups_have_no_table() -> None:
    pytest.importorskip("pandas")
    frames = Evaluation("melody", {"notes": 3, "rejected": [], "by_instrument": {}}).frames()
    assert list(frames) == ["all"]
