"""What a player is given by those who try its limits: odd tunes, and values of sampling at the ends of their ranges."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from audiogen.cli import run
from audiogen.conditions import Conditions
from audiogen.generator import Generator
from audiogen.guidance import Guidance
from audiogen.player import Piece, Sampling
from codec.audio_files import read_audio

HEAD = "X:1\nT:Odd\nM:4/4\nL:1/4\nQ:1/4={tempo}\nK:C\n"
JIG = Conditions(text="a jig", instrument="fiddle")


@pytest.fixture
def generator(tiny_weights: Path) -> Generator:
    return Generator(tiny_weights)


@pytest.mark.parametrize(
    ("notes", "tempo"),
    [
        ("C4|]", 120),
        ("C,,,,4|C,,,,4|]", 120),
        ("c''''4|c'''''4|]", 120),
        ("CDEF|GABc|]", 5),
        ("CDEF|GABc|]", 900),
    ],
)
def test_odd_tunes_are_played(notes: str, tempo: int, tiny_weights: Path, tmp_path: Path) -> None:
    """One note; notes below and above the piano; 5 and 900 beats a minute."""
    (tmp_path / "odd.abc").write_text(HEAD.format(tempo=tempo) + notes + "\n")
    out = tmp_path / "odd.wav"
    words = [
        "perform",
        str(tmp_path / "odd.abc"),
        "-o",
        str(out),
        "--model",
        str(tiny_weights),
        "--duration",
        "3",
    ]
    assert run(words) == 0
    assert read_audio(out).seconds > 0.2


def test_a_tune_of_rests_is_refused_or_played_but_never_half_written(
    tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rests.abc").write_text(HEAD.format(tempo=120) + "z4|z4|]\n")
    out = tmp_path / "rests.wav"
    code = run(["perform", str(tmp_path / "rests.abc"), "-o", str(out), "--model", str(tiny_weights)])
    told = capsys.readouterr().err
    assert code == (0 if out.exists() else 2)
    assert "Traceback" not in told


@pytest.mark.parametrize("guidance", [-1.0, math.nan, math.inf])
def test_impossible_guidance_is_refused(guidance: float) -> None:
    with pytest.raises(ValueError, match=f"guidance of score is {guidance}; it must be 0 or above"):
        Guidance.all(guidance)


@pytest.mark.parametrize(
    "how",
    [{"guidance": Guidance.all(0.0)}, {"guidance": Guidance.all(1e6)},
     {"temperature": 0.0}, {"temperature": 1e-9}, {"temperature": 1e6},
     {"top_k": 0}, {"top_k": 1}, {"top_k": 10**9}],
)  # fmt: skip
def test_the_ends_of_the_ranges_give_codes(how: dict[str, Any], generator: Generator) -> None:
    codes = generator.player.play(Piece(None, JIG, 1, 8), Sampling(**how)).codes
    assert codes.tokens.shape == (1, 3, 8)


def test_top_k_beyond_the_vocabulary_is_all_of_it(generator: Generator) -> None:
    def play(top_k: int) -> torch.Tensor:
        return generator.player.play(Piece(None, JIG, 1, 20), Sampling(top_k=top_k)).codes.tokens

    assert torch.equal(play(0), play(10**9))


@pytest.mark.parametrize(
    ("how", "message"), [({"temperature": -1.0}, "temperature is -1"), ({"top_k": -1}, "top_k is -1")]
)
def test_values_below_their_range_are_refused(
    how: dict[str, Any], message: str, generator: Generator
) -> None:
    with pytest.raises(ValueError, match=message):
        generator.player.play(Piece(None, JIG, 1, 8), Sampling(**how))


def test_a_full_device_says_what_to_lower(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(*arguments: object, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 MiB")

    monkeypatch.setattr(Generator, "make_all", fill)
    out = tmp_path / "jig.wav"
    assert run(["generate", "a jig", "-o", str(out), "--model", str(tiny_weights)]) == 1
    assert capsys.readouterr().err.strip().endswith("lower --duration, or take --device cpu")
    assert not out.exists()
