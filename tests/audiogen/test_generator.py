"""The path as a whole, on untrained networks: every box is there, and chance is only where the seed says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import audiogen
from audiogen.generator import Generator
from audiogen.guidance import CONDITIONS, Guidance
from audiogen.inner_melody import notes_of
from audiogen.loudness import normalise
from audiogen.options import MAX_SECONDS, Options, ask, fill_from_tune
from audiogen.seeds import stage_seed
from audiogen.sounds import Sounds
from codec.types import CheckpointError, Waveform
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


def test_the_free_route_writes_down_what_it_made_up_and_lasts_as_asked(
    generator: Generator, kesh: Tune
) -> None:
    clip = generator.generate(PROMPT, route="free", duration=2, seed=1)
    assert clip.seconds == pytest.approx(2)
    assert clip.frames is not None
    assert clip.performance is not None
    assert clip.frames.frames == 100
    assert clip.performance.lead.notes == notes_of(clip.frames)
    assert clip.tune is not None
    assert str(clip.tune.header.meter) == "6/8"
    assert (clip.tune.header.key.tonic, clip.composed) == ("D", False)
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
    assert "follows no number of bars" in " ".join(free.warnings)


def test_another_route_leaves_behind_what_it_does_not_play(
    generator: Generator, kesh: Tune, tmp_path: Path
) -> None:
    generator.generate("a jig", tune=kesh, duration=2, seed=4).keep(tmp_path)
    free = generator.resume(tmp_path, Options(route="free", duration=2))
    assert free.tune != kesh
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


def test_an_edited_tune_of_the_free_route_is_played(generator: Generator, tmp_path: Path) -> None:
    made_up = generator.generate(PROMPT, route="free", duration=3, seed=1)
    made_up.keep(tmp_path)
    same = generator.resume(tmp_path, Options())
    assert same.route == "free"
    assert torch.equal(same.waveform.samples, made_up.waveform.samples)
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nT:Mine\nM:6/8\nL:1/8\nK:D\nDFA dAF|D3 D3|]\n", encoding="utf-8")
    edited = generator.resume(tmp_path, Options())
    assert edited.route == "tune"
    assert edited.tune is not None
    assert edited.tune.header.title == "Mine"


def test_clips_made_side_by_side_are_those_made_one_by_one(generator: Generator, kesh: Tune) -> None:
    for route, tune in (("tune", kesh), ("free", None)):
        options = Options(duration=2, seed=5, route=route)
        together = list(generator.make_all(["a jig", "a slow air on the flute", "a jig"], options, tune=tune))
        assert [clip.seed for clip in together] == [5, 6, 7]
        for clip in together:
            alone = generator.make(clip.asked.text, replace(options, seed=clip.seed), tune=tune)
            assert torch.equal(alone.waveform.samples, clip.waveform.samples)
        assert not torch.equal(together[0].waveform.samples, together[2].waveform.samples)


def test_one_bad_prompt_of_a_batch_is_named_before_anything_is_made(generator: Generator) -> None:
    with pytest.raises(PromptError, match=r"prompt 2 of 3, 'quarterly tax return': .*nothing musical"):
        generator.make_all(["a jig", "quarterly tax return", "a reel"], Options(seed=1))


def test_guidance_of_each_condition_alone_changes_what_is_played(generator: Generator, kesh: Tune) -> None:
    def played(guidance: Guidance) -> torch.Tensor:
        clip = generator.generate(
            PROMPT, tune=kesh, duration=3, seed=1, guidance=guidance,
            sounds=Sounds(excerpt=tone(440.0)),
        )  # fmt: skip
        assert clip.codes is not None
        return clip.codes.tokens

    plain = played(Guidance())
    for name in CONDITIONS:
        changed = replace(Guidance(), **{name: 40.0})
        # The recording stands for the words, which are not told beside it.
        assert torch.equal(played(changed), plain) == (name == "text"), name


def test_chords_are_written_under_the_tune_and_under_what_is_made_up(
    generator: Generator, kesh: Tune
) -> None:
    chords = "Em|Em D"
    written = generator.generate("a jig", chords=chords, duration=3, seed=1)
    assert written.performance is not None
    assert [(c.root, c.quality) for c in written.performance.chords[:1]] == [(4, "minor")]
    assert (written.attributes.tonic, written.attributes.mode) == ("E", "minor")
    free = generator.generate("a jig", chords=chords, duration=3, seed=1, route="free")
    assert free.frames is not None
    assert set(free.frames.stream("chord")[10:].tolist()) == {18, 9}
    assert (free.attributes.tonic, free.attributes.mode) == ("E", "minor")
    with pytest.raises(ValueError, match="chords are for a new tune"):
        generator.generate("a jig", chords=chords, duration=3, seed=1, tune=kesh)


def test_a_recording_is_gone_on_from_and_stands_as_it_was(generator: Generator, kesh: Tune) -> None:
    before = tone(440.0)
    on = generator.generate(PROMPT, tune=kesh, duration=2, seed=1, sounds=Sounds(before=before))
    assert on.given_seconds == pytest.approx(1.0)
    assert on.codes is not None
    assert on.seconds == pytest.approx(1.0 + on.codes.seconds)
    given, made = before.samples[0, 0, :20_000], on.waveform.samples[0, 0, :20_000]
    assert float(torch.corrcoef(torch.stack((given, made)))[0, 1]) > 0.999
    alone = generator.generate(PROMPT, tune=kesh, duration=2, seed=1)
    assert alone.codes is not None
    assert on.codes.tokens.shape == alone.codes.tokens.shape
    assert not torch.equal(on.codes.tokens, alone.codes.tokens)


def test_with_nothing_but_a_recording_the_player_makes_up_how_it_goes_on(generator: Generator) -> None:
    clip = generator.make(None, Options(duration=2, seed=1), sounds=Sounds(before=scale()))
    assert clip.route == "free"
    assert clip.given_seconds == pytest.approx(4.0, abs=0.05)
    assert clip.seconds == pytest.approx(clip.given_seconds + 2, abs=0.05)
    assert not any("no melody" in text for text in clip.warnings)
    noise = torch.randn(1, 1, 24_000, generator=torch.Generator().manual_seed(0)) / 10
    heard = generator.make(None, Options(duration=2, seed=1), sounds=Sounds(before=Waveform(noise, 24_000)))
    assert any("no melody was heard" in text for text in heard.warnings)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
def test_recordings_of_other_rates_and_channels_are_taken(
    rate: int, channels: int, generator: Generator, kesh: Tune
) -> None:
    sound = Waveform(tone(440.0, rate).samples.repeat(1, channels, 1), rate)
    both = Sounds(before=sound, excerpt=sound)
    clip = generator.perform(kesh, duration=1, seed=1, sounds=both)
    assert clip.waveform.sample_rate == 24_000


def test_a_recording_longer_than_the_context_is_taken_whole(generator: Generator, kesh: Tune) -> None:
    clip = generator.perform(kesh, duration=1, seed=1, sounds=Sounds(before=tone(330.0, seconds=20)))
    assert clip.given_seconds == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("sound", "message"),
    [(Waveform(torch.zeros(1, 1, 24_000), 24_000), "before: is silent"),
     (Waveform(torch.ones(1, 1, 100), 24_000), "before: 0.0 s long; 0.5 to 600 seconds are allowed")],
)  # fmt: skip
def test_what_is_no_sound_to_go_on_from_is_refused(sound: Waveform, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sounds(before=sound)


def tone(hz: float, rate: int = 24_000, seconds: float = 1.0) -> Waveform:
    clock = torch.arange(round(rate * seconds)) / rate
    return Waveform(0.1 * torch.sin(2 * torch.pi * hz * clock)[None, None], rate)


def scale() -> Waveform:
    """Eight plucked notes of a scale in four seconds."""
    clock = torch.arange(12_000) / 24_000
    notes = [
        0.3 * torch.sin(2 * torch.pi * 440 * 2 ** (step / 12) * clock) * torch.exp(-4 * clock)
        for step in (0, 2, 4, 5, 7, 9, 11, 12)
    ]
    return Waveform(torch.cat(notes)[None, None], 24_000)


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
