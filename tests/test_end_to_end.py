"""The whole path on the shipped weights, as a person would use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import codec
from audiogen.cli import run
from audiogen.comparison.metrics.instruments import instrument_chances
from audiogen.evaluation.material import mono
from audiogen.generator import Generator
from audiogen.options import Options
from audiogen.sounds import Sounds
from codec.audio_files import read_audio
from codec.types import Waveform

pytestmark = pytest.mark.slow

# Notes with rests between them: every onset is heard by itself.
STEPS = """X:1
T:Steps
R:air
M:4/4
L:1/4
Q:1/4=60
K:C
Gz cz|ez gz|ez cz|Gz Gz|]
"""


@pytest.fixture
def make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run a command in an empty folder; its JSON."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Any:
        capsys.readouterr()
        code = run([str(argument) for argument in (*arguments, "--json")])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return command


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    for name, seed in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
        make("generate", "a lively jig in D major on the fiddle", "-o", name, "--duration", 5, "--seed", seed)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert first == again
    assert first != other


def test_each_condition_changed_alone_changes_the_sound(
    make: Callable[..., Any], tmp_path: Path, kesh_abc: str
) -> None:
    (tmp_path / "kesh.abc").write_text(kesh_abc, encoding="utf-8")
    (tmp_path / "steps.abc").write_text(STEPS, encoding="utf-8")
    base = {"--tune": "kesh.abc", "--instrument": "fiddle", "--tempo": "110"}
    changes: list[tuple[str, dict[str, str]]] = [
        ("a cheerful tune", {}),
        ("a mournful tune", {}),
        ("a cheerful tune", {"--tune": "steps.abc"}),
        ("a cheerful tune", {"--instrument": "flute"}),
        ("a cheerful tune", {"--tempo": "90"}),
    ]
    sounds = []
    for number, (prompt, change) in enumerate(changes):
        flags = [part for pair in (base | change).items() for part in pair]
        make("generate", prompt, *flags, "-o", f"{number}.wav", "--duration", 3, "--seed", 1)
        sounds.append((tmp_path / f"{number}.wav").read_bytes())
    assert len(set(sounds)) == len(sounds)


def test_the_sound_comes_from_the_kept_codes(make: Callable[..., Any], tmp_path: Path) -> None:
    make(
        "generate", "a waltz in G on the flute", "-o", "a.wav", "--duration", 5, "--seed", 3, "--keep", "kept"
    )
    written = read_audio(tmp_path / "a.wav").samples.flatten().numpy()
    codes = codec.Codes.load(tmp_path / "kept" / "codes.npz")
    decoded = codec.load().decode(codes).samples.flatten().numpy()
    gain = float(written @ decoded / (decoded @ decoded))
    # What is left is the rounding to 16 bits.
    assert np.abs(written - gain * decoded).max() < 1e-4


def test_a_click_keeps_its_place_through_the_codec() -> None:
    network = codec.load()
    hop, rate = network.spec.hop_samples, network.spec.sample_rate
    samples = torch.zeros(1, 1, 2 * rate)
    places = [round(seconds * rate) for seconds in (0.35, 0.9, 1.47)]
    generator = torch.Generator().manual_seed(0)
    for place in places:
        # A plucked-like click: 60 ms of noise that dies away.
        length = round(0.06 * rate)
        decay = torch.exp(-torch.arange(length) / (0.012 * rate))
        samples[0, 0, place : place + length] = 0.5 * decay * torch.randn(length, generator=generator)
    sound = network.decode(network.encode(codec.Waveform(samples, rate))).samples[0, 0]
    energy = sound[: len(sound) // hop * hop].unflatten(0, (-1, hop)).square().sum(1)
    for place in places:
        frame = place // hop
        around = energy[frame - 10 : frame + 10]
        assert abs(int(around.argmax()) - 10) <= 1, "a click moved by more than one frame"


def test_notes_sound_when_the_score_says(make: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "steps.abc").write_text(STEPS, encoding="utf-8")
    make("perform", "steps.abc", "-o", "a.wav", "--instrument", "piano", "--seed", 1, "--keep", "kept")
    sound = read_audio(tmp_path / "a.wav")
    performance = json.loads((tmp_path / "kept" / "performance.json").read_text(encoding="utf-8"))
    onsets = [note[0] for note in performance["parts"][0]["notes"]]
    assert len(onsets) == 8
    hop = round(0.005 * sound.sample_rate)
    samples = sound.samples[0, 0]
    energy = samples[: len(samples) // hop * hop].unflatten(0, (-1, hop)).square().mean(1).sqrt().numpy()
    lags = []
    for onset in onsets:
        middle = round(onset / 0.005)
        around = energy[max(middle - 30, 0) : middle + 60]
        rises = np.flatnonzero(around > 0.5 * around.max())
        lags.append((int(rises[0]) - min(middle, 30)) * 0.005)
    assert abs(float(np.median(lags))) < 0.06


def test_a_whole_folder_and_every_format(make: Callable[..., Any], tmp_path: Path, kesh_abc: str) -> None:
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "kesh.abc").write_text(kesh_abc, encoding="utf-8")
    (tmp_path / "tunes" / "steps.abc").write_text(STEPS, encoding="utf-8")
    report = make("perform", "tunes", "-o", "out", "--duration", 2, "--seed", 1)
    assert len(report["outputs"]) == 2
    for suffix in (".flac", ".ogg", ".mp3"):
        make("generate", "a polka", "-o", f"a{suffix}", "--duration", 2, "--seed", 1)
        assert read_audio(tmp_path / f"a{suffix}").seconds > 1.5


def test_composed_tunes_are_read_by_our_own_strict_reader(make: Callable[..., Any], tmp_path: Path) -> None:
    report = make("compose", "a slip jig in E dorian", "-n", 5, "-o", "five.abc", "--seed", 1)
    assert report["tunes"] == 5
    assert run(["tune", "check", "five.abc"]) == 0


def test_the_free_route_makes_sound_from_words_alone(make: Callable[..., Any], tmp_path: Path) -> None:
    for seed in range(1, 5):
        words = ("generate", "a slow air on the flute", "--route", "free", "--duration", 2, "--seed", seed)
        report = make(*words, "-o", "a.wav")
        assert report["seconds"] == pytest.approx(2, abs=0.05)
        assert read_audio(tmp_path / "a.wav").samples.square().mean().sqrt() > 0.01


def test_what_is_gone_on_from_or_taken_after_keeps_its_instrument() -> None:
    generator = Generator()
    given = generator.generate(
        "a reel in D on the banjo", duration=6, seed=3, accompaniment="none", route="soundfont"
    ).waveform

    def leads(sound: Waveform) -> str:
        chances = instrument_chances(mono(sound), sound.sample_rate)
        return max(chances, key=chances.__getitem__)

    on = generator.make(None, Options(duration=6, seed=1), sounds=Sounds(before=given))
    added = round(on.given_seconds * on.waveform.sample_rate)
    assert leads(Waveform(on.waveform.samples[..., added:], on.waveform.sample_rate)) == "banjo"
    assert on.performance is not None
    in_d_major = [note.midi_pitch % 12 in (1, 2, 4, 6, 7, 9, 11) for note in on.performance.lead.notes]
    assert np.mean(in_d_major) > 0.75
    after = generator.generate(
        "a jig in G", duration=6, seed=2, accompaniment="none", sounds=Sounds(excerpt=given)
    )
    assert leads(after.waveform) == "banjo"
