"""One command rebuilds all three networks, and what it leaves can be played."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import audiogen
import codec
from audiogen import training
from audiogen.cli import run
from audiogen.lm_training import LMTrainingConfig
from codec.entropy_training import GuesserTrainingConfig
from codec.training import CodecTrainingConfig
from symbolic_bridge.analysis.similarity import MelodyIndex

FONT = "TimGM6mb.sf2"


def shortest(plan: training.TrainingPlan) -> training.TrainingPlan:
    """Every stage of the path, each for a step or two."""
    return replace(
        plan,
        pool_hours=0.01,
        player_tunes=2,
        codec=CodecTrainingConfig(
            steps=2,
            adversarial_steps=1,
            finishing_steps=1,
            batch=1,
            quantizer_start_step=1,
            quantizer_start_clips=11,
        ),
        guesser=GuesserTrainingConfig(steps=2, batch=16, crops=4, valid_crops=2, crop_seconds=1),
        player=LMTrainingConfig(steps=1, finishing_steps=0, batch=1, window_frames=50),
    )


@pytest.fixture
def tunes(tmp_path: Path, kesh_abc: str) -> Path:
    lines = [
        json.dumps({"source": "test", "id": str(n), "abc": kesh_abc, "family": str(n), "licence": licence})
        for n, licence in enumerate(("MIT", "MIT", "GPL-3.0"))
    ]
    path = tmp_path / "tunes.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.slow
def test_train_all_makes_weights_that_play(
    tmp_path: Path, tunes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "POOL_FONTS", (FONT,))
    monkeypatch.setattr(training, "PLAYER_FONT", FONT)
    monkeypatch.setattr(training, "quick", shortest)
    work = tmp_path / "runs"
    paths = ["--work", str(work), "--tunes", str(tunes), "--valid", str(tunes)]
    command = ["train", "all", *paths, "--minutes", "5", "--quick"]
    assert run(command) == 0
    said = capsys.readouterr().err
    assert "rejected: test/2: licence 'GPL-3.0'" in said
    assert "player, composer" in said
    assert MelodyIndex.load(work / "weights" / "tunes.npz").names
    generator = audiogen.load(work / "weights")
    clip = generator.generate("a jig", duration=1, seed=1)
    assert generator.codec.spec.identity != audiogen.load().codec.spec.identity
    assert clip.seconds >= 1
    state = json.loads((work / "codec" / "state.json").read_text(encoding="utf-8"))
    assert state["config"]["step"] == 4
    # Two steps of a guesser save nothing, or something: then it is kept.
    unsaved = "bits a frame of the valid pool; plain bits are 80" in said
    assert (work / "codec" / "guesser.json").is_file() != unsaved
    # Taken up again, nothing is left to do.
    before = (work / "weights" / "codec.safetensors").read_bytes()
    assert run(command) == 0
    assert (work / "weights" / "codec.safetensors").read_bytes() == before


@pytest.mark.slow
def test_a_stereo_codec_is_trained_on_a_stereo_pool(
    tmp_path: Path, tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "POOL_FONTS", (FONT,))
    monkeypatch.setattr(training, "quick", shortest)
    small = replace(
        codec.STEREO_48KHZ,
        latent_size=8,
        encoder_width=8,
        encoder_blocks=1,
        decoder_width=8,
        decoder_blocks=1,
    )
    monkeypatch.setattr(codec, "STEREO_48KHZ", small)
    paths = ["--work", str(tmp_path / "runs"), "--tunes", str(tunes), "--valid", str(tunes)]
    assert run(["train", "codec", *paths, "--stereo", "--quick"]) == 0
    spec = codec.load(tmp_path / "runs" / "weights").spec
    assert (spec.sample_rate, spec.channels) == (48_000, 2)


def test_a_split_tells_what_it_left_out(tunes: Path) -> None:
    split = training.read_split(tunes, tunes)
    assert [tune.id for tune in split.train] == ["0", "1"]
    assert {item.item for item in split.rejected} == {"test/2"}


def test_the_same_tunes_are_drawn_every_time(tunes: Path) -> None:
    split = training.read_split(tunes, None)
    everything = split.train + split.valid
    assert training._draw(everything, 1) == training._draw(everything, 1)
    assert len(training._draw(everything, 99)) == len(everything)
