"""The path as a whole, on untrained networks: every box is there, and chance is only where the seed says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import audiogen
from audiogen.generator import Generator
from audiogen.loudness import normalise
from audiogen.options import MAX_SECONDS, Options, ask, fill_from_tune
from audiogen.seeds import stage_seed
from codec.types import CheckpointError
from symbolic_bridge.prompts import PromptError
from symbolic_bridge.tune import Tune

PROMPT = "a lively jig in D major on the fiddle"


@pytest.fixture(scope="module")
def generator(tiny_weights: Path) -> Generator:
    return Generator(tiny_weights)


@pytest.fixture
def kesh(kesh_abc: str) -> Tune:
    return Tune.from_abc(kesh_abc)


def test_generate_returns_every_box(generator: Generator) -> None:
    clip = generator.generate(PROMPT, duration=3, seed=7)
    assert clip.attributes.kind == "jig"
    assert clip.tune is not None
    assert clip.tune.header.key.tonic == "D"
    assert clip.performance is not None
    assert clip.frames is not None
    assert clip.codes is not None
    assert clip.codes.tokens.shape[-1] == clip.frames.frames
    assert clip.seconds == pytest.approx(clip.codes.seconds)
    assert set(clip.timings) >= {"compose", "perform", "play", "decode"}


def test_the_sound_is_the_decoded_codes(generator: Generator) -> None:
    clip = generator.generate(PROMPT, duration=2, seed=7)
    assert clip.codes is not None
    decoded = generator.codec.decode(clip.codes)
    assert torch.equal(normalise(decoded).samples, clip.waveform.samples)


def test_the_same_seed_gives_the_same_sound_and_another_another(generator: Generator, kesh: Tune) -> None:
    first, again, other = (generator.perform(kesh, duration=2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.waveform.samples, again.waveform.samples)
    assert first.codes is not None
    assert other.codes is not None
    length = min(first.codes.tokens.shape[-1], other.codes.tokens.shape[-1])
    assert not torch.equal(first.codes.tokens[..., :length], other.codes.tokens[..., :length])


def test_another_instrument_does_not_shift_the_chance_of_the_composer(generator: Generator) -> None:
    fiddle = generator.generate("a reel", duration=2, seed=3, instrument="fiddle")
    flute = generator.generate("a reel", duration=2, seed=3, instrument="flute")
    assert fiddle.tune == flute.tune
    assert fiddle.codes is not None
    assert flute.codes is not None
    assert not torch.equal(fiddle.codes.tokens, flute.codes.tokens)


def test_stages_draw_from_seeds_of_their_own() -> None:
    seeds = {
        stage_seed(seed, stage) for seed in (0, 1, 2**40) for stage in ("composer", "performance", "player")
    }
    assert len(seeds) == 9
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_free_route_needs_no_tune_and_lasts_as_asked(generator: Generator, kesh: Tune) -> None:
    clip = generator.generate(PROMPT, route="free", duration=2, seed=1)
    assert (clip.tune, clip.performance, clip.frames) == (None, None, None)
    assert clip.seconds == pytest.approx(2)
    with pytest.raises(ValueError, match="free"):
        generator.generate(PROMPT, route="free", tune=kesh)


def test_an_option_outranks_the_prompt_and_the_prompt_the_tune(kesh: Tune) -> None:
    slow_flute = ask("slowly on the flute in A", Options(instrument="harp", tempo_bpm=77, duration=5))
    assert (slow_flute.instrument, slow_flute.tempo_bpm, slow_flute.duration_seconds) == ("harp", 77, 5)
    assert slow_flute.tonic == "A"
    prompted = fill_from_tune(ask("a tune on the flute at 200 bpm", Options()), kesh)
    assert (prompted.instrument, prompted.tempo_bpm) == ("flute", 200)
    played = fill_from_tune(ask(None, Options()), kesh)
    assert (played.kind, played.tonic, played.mode) == ("jig", "G", "major")
    marked = fill_from_tune(ask(None, Options()), kesh.with_header(tempo_bpm=93.0))
    assert marked.tempo_bpm == 93


def test_a_key_option_moves_the_given_tune(generator: Generator, kesh: Tune) -> None:
    clip = generator.generate("a jig", tune=kesh, key="A", duration=2, seed=1)
    assert clip.tune is not None
    assert clip.tune.header.key.tonic == "A"
    assert clip.tune.bars[0].notes[0].pitches[0].midi == kesh.bars[0].notes[0].pitches[0].midi + 2


def test_a_given_tune_is_played_and_not_composed(generator: Generator, kesh: Tune) -> None:
    clip = generator.generate("on the whistle", tune=kesh, duration=2, seed=1)
    assert clip.tune == kesh
    assert clip.attributes.instrument == "whistle"
    assert "compose" not in clip.timings


def test_a_length_is_met_within_a_bar_and_the_ring(generator: Generator, kesh: Tune) -> None:
    clip = generator.perform(kesh, duration=12, seed=1)
    assert clip.performance is not None
    bar = clip.performance.bars[0].offset - clip.performance.bars[0].onset
    assert abs(clip.seconds - 12) <= bar + 2.0


def test_compose_writes_the_tune_that_generate_plays(generator: Generator) -> None:
    tune = generator.compose("a polka in G", seed=5)
    assert generator.generate("a polka in G", seed=5).tune == tune


def test_an_edited_tune_changes_the_sound_and_nothing_else(
    generator: Generator, kesh: Tune, tmp_path: Path
) -> None:
    clip = generator.perform(kesh, duration=3, seed=4)
    clip.keep(tmp_path / "kept")
    same = generator.resume(tmp_path / "kept", Options())
    assert torch.equal(same.waveform.samples, clip.waveform.samples)
    path = tmp_path / "kept" / "tune.abc"
    path.write_text(kesh.transpose(5).to_abc(), encoding="utf-8")
    edited = generator.resume(tmp_path / "kept", Options())
    assert edited.tune == kesh.transpose(5)
    assert edited.seed == 4
    assert not torch.equal(edited.waveform.samples, clip.waveform.samples)


@pytest.mark.parametrize("prompt", ["a slow reel", "a mournful reel", "a fast lively jig"])
def test_an_unedited_path_keeps_its_pace(generator: Generator, tmp_path: Path, prompt: str) -> None:
    clip = generator.generate(prompt, duration=2, seed=4)
    clip.keep(tmp_path / "kept")
    again = generator.resume(tmp_path / "kept", Options())
    assert again.attributes.tempo_bpm == pytest.approx(clip.attributes.tempo_bpm)
    assert torch.equal(again.waveform.samples, clip.waveform.samples)


def test_another_instrument_in_the_kept_attributes_leaves_the_tune_as_it_was(
    generator: Generator, tmp_path: Path
) -> None:
    clip = generator.generate("a reel", duration=2, seed=4)
    clip.keep(tmp_path / "kept")
    path = tmp_path / "kept" / "attributes.json"
    text = path.read_text(encoding="utf-8")
    assert '"fiddle"' in text
    path.write_text(text.replace('"fiddle"', '"flute"'), encoding="utf-8")
    again = generator.resume(tmp_path / "kept", Options())
    assert again.tune == clip.tune
    assert again.attributes.instrument == "flute"


def test_an_edited_tune_outranks_the_prompt_that_wrote_it(generator: Generator, tmp_path: Path) -> None:
    clip = generator.generate("a jig in D at 110 bpm", duration=2, seed=4)
    assert clip.tune is not None
    clip.keep(tmp_path / "kept")
    edited = clip.tune.transpose(7).with_header(tempo_bpm=60.0, rhythm="slide")
    (tmp_path / "kept" / "tune.abc").write_text(edited.to_abc(), encoding="utf-8")
    again = generator.resume(tmp_path / "kept", Options())
    assert again.tune is not None
    assert again.tune.header.key.tonic == "A"
    assert (again.attributes.tempo_bpm, again.attributes.kind) == (60.0, "slide")
    flagged = generator.resume(tmp_path / "kept", Options(key="G", tempo_bpm=90.0))
    assert flagged.tune is not None
    assert (flagged.tune.header.key.tonic, flagged.attributes.tempo_bpm) == ("G", 90.0)


def test_what_a_given_tune_or_the_free_route_cannot_follow_is_said(generator: Generator, kesh: Tune) -> None:
    clip = generator.generate("a minor waltz AABBCC in 3/4", tune=kesh, duration=2, seed=1)
    said = " ".join(clip.warnings)
    for words in ("stays major", "stays in 6/8", "keeps its own parts", "in the manner of a waltz"):
        assert words in said
    assert clip.attributes.form is None
    free = generator.generate("a jig in D, 16 bars", route="free", duration=2, seed=1)
    assert "follows no tonic, number of bars" in " ".join(free.warnings)


def test_another_route_leaves_behind_what_it_does_not_play(
    generator: Generator, kesh: Tune, tmp_path: Path
) -> None:
    generator.generate("a jig", tune=kesh, duration=2, seed=4).keep(tmp_path)
    free = generator.resume(tmp_path, Options(route="free", duration=2))
    assert (free.tune, free.performance) == (None, None)
    frames = tmp_path / "frames.npz"
    frames.write_bytes(frames.read_bytes() + b"\n")
    with pytest.raises(ValueError, match="frames was edited last"):
        generator.resume(tmp_path, Options(route="soundfont"))


def test_edited_codes_are_decoded_as_they_are(generator: Generator, kesh: Tune, tmp_path: Path) -> None:
    clip = generator.perform(kesh, duration=2, seed=4)
    assert clip.codes is not None
    clip.keep(tmp_path / "kept")
    changed = type(clip.codes)((clip.codes.tokens + 1) % 16, clip.codes.spec)
    changed.save(tmp_path / "kept" / "codes.npz")
    again = generator.resume(tmp_path / "kept", Options())
    assert again.codes is not None
    assert torch.equal(again.codes.tokens, changed.tokens)
    assert torch.equal(again.waveform.samples, normalise(generator.codec.decode(changed)).samples)


def test_a_settled_performance_takes_no_other_instrument(
    generator: Generator, kesh: Tune, tmp_path: Path
) -> None:
    generator.perform(kesh, duration=2, seed=4).keep(tmp_path)
    path = tmp_path / "performance.json"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="settled"):
        generator.resume(tmp_path, Options(instrument="flute"))


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), float("inf"), 36000.0])
def test_impossible_lengths_are_refused(generator: Generator, duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        generator.generate(PROMPT, duration=duration)


def test_impossible_wishes_are_refused(generator: Generator, kesh: Tune) -> None:
    with pytest.raises(PromptError, match="empty"):
        generator.generate("  ")
    with pytest.raises(PromptError, match="nothing musical"):
        generator.generate("quarterly tax return")
    with pytest.raises(ValueError, match="route 'radio'"):
        generator.generate(PROMPT, route="radio")
    with pytest.raises(ValueError, match="instrument 'kazoo'"):
        generator.generate(PROMPT, instrument="kazoo")
    with pytest.raises(ValueError, match="accompaniment 'drums'"):
        generator.generate(PROMPT, accompaniment="drums")
    with pytest.raises(ValueError, match="tempo"):
        generator.perform(kesh, tempo_bpm=5)
    with pytest.raises(TypeError, match=r"Tune\.from_abc"):
        generator.make("a jig", Options(), tune="X:1")  # pyright: ignore[reportArgumentType] - refused
    with pytest.raises(ValueError, match="seed -1"):
        generator.perform(kesh, seed=-1)
    with pytest.raises(ValueError, match="key 'H'"):
        generator.generate(PROMPT, key="H")


def test_an_endless_tune_is_refused_unless_a_length_cuts_it(generator: Generator) -> None:
    long = Tune.from_abc("X:1\nT:Long\nM:6/8\nL:1/8\nR:jig\nK:D\n" + "dAF DFA|\n" * 3000)
    with pytest.raises(ValueError, match=f"at most {MAX_SECONDS:g} s"):
        generator.perform(long, seed=1)
    assert generator.perform(long, seed=1, duration=2).seconds < 6


def test_shipped_weights_that_stand_in_are_named(tiny_weights: Path, tmp_path: Path, kesh: Tune) -> None:
    for name in ("codec", "player"):
        for suffix in ("json", "safetensors"):
            shutil.copy(tiny_weights / f"{name}.{suffix}", tmp_path)
    clip = Generator(tmp_path).perform(kesh, duration=2, seed=1)
    assert f"{tmp_path}: has no composer; what is shipped is used instead" in clip.warnings


def test_broken_weights_are_refused(tiny_weights: Path, tmp_path: Path, kesh: Tune) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        audiogen.load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="holds none of"):
        audiogen.load(tmp_path)
    for name in ("codec", "player", "composer"):
        folder = tmp_path / name
        shutil.copytree(tiny_weights, folder)
        data = (folder / f"{name}.safetensors").read_bytes()
        (folder / f"{name}.safetensors").write_bytes(data[: len(data) // 2])
        with pytest.raises(CheckpointError, match=name):
            audiogen.load(folder).generate("a jig", duration=2, seed=1)
    shutil.copytree(tiny_weights, tmp_path / "half")
    (tmp_path / "half" / "player.json").unlink()
    with pytest.raises(CheckpointError, match=r"player\.json: no such file"):
        Generator(tmp_path / "half").perform(kesh, duration=2, seed=1)
    with pytest.raises(ValueError, match="device 'warp' cannot be used"):
        audiogen.load(tiny_weights, device="warp")
