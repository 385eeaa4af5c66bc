"""Sound while it is made is the sound that is made in one piece."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.cli import run
from audiogen.generator import Generator
from audiogen.options import Options
from audiogen.streaming import CEILING, GAIN, KNEE, limited
from codec.sound_streams import open_sound
from codec.types import Waveform
from symbolic_bridge.tune import Tune

PROMPT = "a jig in G on the fiddle"


@pytest.fixture
def generator(tiny_weights: Path) -> Generator:
    return Generator(tiny_weights)


def joined(chunks: Iterator[Waveform]) -> torch.Tensor:
    return torch.cat([chunk.samples for chunk in chunks], dim=-1)


@pytest.mark.parametrize("chunk_seconds", [0.1, 0.5, 10.0])
@pytest.mark.parametrize("route", ["tune", "free"])
def test_the_chunks_together_are_the_piece(route: str, chunk_seconds: float, generator: Generator) -> None:
    options = Options(duration=2, seed=3, route=route)
    clip = generator.make(PROMPT, options)
    assert clip.codes is not None
    whole = limited(GAIN * generator.codec.decode(clip.codes).samples)
    made = joined(generator.stream(PROMPT, options, chunk_seconds=chunk_seconds))
    torch.testing.assert_close(made, whole, atol=1e-4, rtol=1e-3)


def test_sound_comes_before_all_codes_are_written(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    own = generator.player.model.hidden
    monkeypatch.setattr(
        generator.player.model, "hidden", lambda *arguments: steps.append(1) or own(*arguments)
    )
    chunks = generator.stream(PROMPT, Options(duration=6, seed=3, route="free"), chunk_seconds=0.1)
    assert next(chunks).samples.shape[-1] > 0
    before = len(steps)
    assert 0 < before < 60  # of 300
    assert len(list(chunks)) > 20
    assert len(steps) > 300


def test_a_given_tune_is_streamed(generator: Generator, kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    options = Options(duration=3, seed=1, instrument="flute", accompaniment="none")
    made = joined(generator.stream(None, options, tune=tune))
    assert made.shape[-1] == generator.make(None, options, tune=tune).waveform.samples.shape[-1]


def test_the_limiter_leaves_quiet_sound_alone_and_bounds_loud_sound() -> None:
    samples = torch.linspace(-9, 9, 1001)
    bent = limited(samples)
    quiet = samples.abs() <= KNEE
    assert torch.equal(bent[quiet], samples[quiet])
    assert float(bent.abs().max()) <= CEILING + 1e-6
    assert bool((bent.diff() >= 0).all())


@pytest.mark.parametrize(
    ("options", "chunk_seconds", "message"),
    [
        (Options(route="soundfont"), 0.5, "rendered in one piece"),
        (Options(), 0.0, "chunk_seconds is 0"),
        (Options(), 60.0, r"0\.05 to 10 are allowed"),
    ],
)
def test_what_cannot_be_streamed_is_refused(
    options: Options, chunk_seconds: float, message: str, generator: Generator
) -> None:
    with pytest.raises(ValueError, match=message):
        generator.stream(PROMPT, options, chunk_seconds=chunk_seconds)


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from audiogen.cli import main; main()", "generate", *words]


def test_the_command_writes_a_wav_to_stdout(tiny_weights: Path) -> None:
    words = command(PROMPT, "-o", "-", "--duration", "2", "--seed", "3", "--model", str(tiny_weights))
    done = subprocess.run(words, check=True, capture_output=True)
    with open_sound(io.BytesIO(done.stdout)) as sound:
        blocks = list(sound.blocks())
    assert (sound.sample_rate, sound.channels) == (24_000, 1)
    assert np.concatenate(blocks, axis=1).shape[1] > 24_000


def test_an_interrupted_stream_ends_in_one_line(tiny_weights: Path) -> None:
    words = command(PROMPT, "-o", "-", "--duration", "120", "--route", "free", "--model", str(tiny_weights))
    # Where the tests run in the background, SIGINT is ignored, which processes inherit.
    words[2] = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + words[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(2000)
        os.kill(process.pid, signal.SIGINT)
        process.stdout.read()
        told = process.stderr.read().decode()
        assert process.wait() == 130
    assert "Traceback" not in told
    assert told.strip().splitlines()[-1].startswith("error: interrupted")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-n", "2"], "takes no -n"),
        (["--json"], "takes no --json"),
        (["--keep", "kept"], "takes no --keep"),
        (["--model", "facebook/musicgen-small"], "decoded in one piece"),
    ],
)
def test_what_does_not_go_with_a_pipe_is_refused(
    more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", PROMPT, "-o", "-", *more]) == 2
    assert message in capsys.readouterr().err
