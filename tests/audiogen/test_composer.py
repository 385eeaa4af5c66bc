from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from audiogen.composer import Composer, ComposerConfig, CompositionError, is_degenerate, load_composer
from audiogen.composer_plan import assemble, fitted_bars, form_runs, is_plain, order_from
from audiogen.composer_planning import Drawing
from audiogen.composer_wishes import ComposingWishes
from codec.types import CheckpointError
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.grammar import LOOK_BACK_BARS, feature_rows
from symbolic_bridge.normal_form import NormalNote, NormalTune, Part
from symbolic_bridge.plan_tokens import DEPTHS
from symbolic_bridge.tune import Meter, Tune
from symbolic_bridge.tune_tokens import Conditions, vocabulary

TINY = ComposerConfig(width=16, layers=2, heads=2, feedforward_width=32, dropout=0.0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def composer() -> Composer:
    torch.manual_seed(0)
    return Composer(TINY).eval()


def bars_add_up(tune: Tune) -> bool:
    """Every bar is full, or completes a pickup: part by part, with the signs alone as guide."""
    assert tune.header.meter is not None
    full = tune.header.meter.bar_duration
    pickup = tune.bars[0].duration if tune.bars[0].duration < full else Fraction(0)
    for place, bar in enumerate(tune.bars):
        following = tune.bars[place + 1] if place + 1 < len(tune.bars) else None
        closes = bar.end_repeat or bar.double_bar or following is None
        opens = pickup and (place == 0 or tune.bars[place - 1].end_repeat or tune.bars[place - 1].double_bar)
        if opens and not bar.endings:
            if bar.duration != pickup:
                return False
        elif bar.duration != full - (pickup if closes else 0):
            return False
    return True


@pytest.mark.parametrize(
    "wish",
    [
        TuneAttributes(kind="jig", tonic="D", mode="major"),
        TuneAttributes(kind="reel", tonic="A", mode="dorian"),
        TuneAttributes(kind="slip jig", tonic="F#", mode="minor", form="AB"),
        TuneAttributes(kind="lament", tonic="Bb", mode="phrygian"),
        TuneAttributes(kind="waltz", form="AABA"),
        TuneAttributes(kind="slide", tonic="E", mode="mixolydian", form="AABBCC"),
    ],
)
def test_an_untrained_model_already_writes_tunes_whose_bars_add_up(
    composer: Composer, wish: TuneAttributes
) -> None:
    for seed in range(2):
        tune = composer.compose(wish, generator=rng(seed), bars=8)
        assert bars_add_up(tune)
        assert tune.header.rhythm == wish.kind
        assert wish.tonic in (None, tune.header.key.tonic)
        assert wish.mode in (None, tune.header.key.mode)
        pitches = [pitch.midi for bar in tune.bars for note in bar.notes for pitch in note.pitches]
        assert min(pitches) >= 55
        assert max(pitches) <= 86
        assert tune.bars[-1].notes[-1].pitches[0].midi % 12 == tune.header.key.tonic_pitch_class
        assert [(b.notes, b.start_repeat, b.end_repeat) for b in Tune.from_abc(tune.to_abc()).bars] == [
            (b.notes, b.start_repeat, b.end_repeat) for b in tune.bars
        ]


def test_the_same_seed_writes_the_same_tune_and_another_does_not(composer: Composer) -> None:
    wish = TuneAttributes(kind="jig", tonic="D", mode="major")
    first, again = (composer.compose(wish, generator=rng(3), bars=4) for _ in range(2))
    assert first == again
    assert first != composer.compose(wish, generator=rng(4), bars=4)


@pytest.mark.parametrize(
    ("wishes", "mood", "slots"),
    [
        (ComposingWishes(), None, DEPTHS["structure"]),
        (ComposingWishes(depth="harmony"), None, DEPTHS["harmony"]),
        (ComposingWishes(chords=(("I",),)), None, DEPTHS["harmony"]),
        (ComposingWishes(depth="whole"), None, DEPTHS["whole"]),
        (ComposingWishes(density="sparse"), None, DEPTHS["whole"]),
        (ComposingWishes(), "sad", DEPTHS["whole"]),
    ],
)
def test_a_plan_is_drawn_as_deep_as_asked_and_no_less_than_wishes_need(
    wishes: ComposingWishes, mood: str | None, slots: int
) -> None:
    order = order_from(TuneAttributes(kind="jig", mood=mood), generator=rng(), wishes=wishes)
    assert order.slots == slots


def test_a_plan_is_whole_once_its_tune_is_written(composer: Composer) -> None:
    made = composer.compose_with_plans(TuneAttributes(kind="jig"), 2, Drawing(rng()))
    for each in made:
        assert all(bar.notes is not None and bar.chords and bar.direction for bar in each.plan.heard_bars())


def test_a_batch_is_of_one_order_and_numbered(composer: Composer) -> None:
    tunes = composer.compose_many(TuneAttributes(kind="polka"), 5, generator=rng(), bars=8)
    assert [tune.header.reference for tune in tunes] == [1, 2, 3, 4, 5]
    assert len({tune.header.key for tune in tunes}) == 1
    assert len({tune.bars for tune in tunes}) == 5
    with pytest.raises(CompositionError, match="0 tunes"):
        composer.compose_many(TuneAttributes(kind="polka"), 0, generator=rng())


def test_the_form_is_laid_out_with_repeat_signs_where_they_can_say_it(composer: Composer) -> None:
    plain = composer.compose(TuneAttributes(kind="reel", form="AABB"), generator=rng(), bars=8)
    assert sum(bar.end_repeat for bar in plain.bars) == 2
    turned = composer.compose(TuneAttributes(kind="reel", form="AABA"), generator=rng(), bars=8)
    assert [bar.end_repeat for bar in turned.bars].count(True) == 1
    played = turned.unfold().bars
    quarter = len(played) // 4
    parts = [tuple(bar.notes for bar in played[k * quarter : (k + 1) * quarter]) for k in range(4)]
    assert parts[0] == parts[1] == parts[3] != parts[2]


def test_a_duration_becomes_whole_bars() -> None:
    wish = TuneAttributes(kind="jig", tonic="D", mode="major", tempo_bpm=120.0, duration_seconds=32.0)
    order = order_from(wish, generator=rng())
    assert [part.bars for part in order.plan.parts] == [8, 8]
    assert fitted_bars(form_runs("AABB"), 16) == (4, 4)
    assert fitted_bars(form_runs("AABB"), 96) == (8, 8)
    assert fitted_bars(form_runs("AB"), 16) == (8, 8)
    assert sum(a * b for a, b in zip(fitted_bars(form_runs("AABA"), 13), (3, 1), strict=True)) == 13
    for played in range(4, 80):
        bars = fitted_bars(form_runs("AABBCCDD"), played)
        assert len(bars) == 4
        assert all(2 <= count <= 16 for count in bars)


def test_forms_are_read_as_runs() -> None:
    assert form_runs("AABB") == ((0, 2), (1, 2))
    assert form_runs("AABA") == ((0, 2), (1, 1), (0, 1))
    assert is_plain(form_runs("AAB"))
    assert not is_plain(form_runs("AAAB"))
    for form in ("", "aab", "AXB", "A" * 17, "ABCDEFGHA"):
        with pytest.raises(CompositionError, match="form"):
            form_runs(form)


@pytest.mark.parametrize(
    ("wish", "bars", "message"),
    [
        (TuneAttributes(kind="jig", meter=Meter(4, 4)), None, "a jig in 4/4"),
        (TuneAttributes(kind="reel", meter=Meter(6, 8)), None, "a reel in 6/8"),
        (TuneAttributes(kind="air", meter=Meter(7, 8)), None, "7/8"),
        (TuneAttributes(kind="jig"), 0, "0 bars"),
        (TuneAttributes(kind="jig"), 1000, "1000 bars"),
    ],
)
def test_an_impossible_wish_is_refused(
    composer: Composer, wish: TuneAttributes, bars: int | None, message: str
) -> None:
    with pytest.raises(CompositionError, match=message):
        composer.compose(wish, generator=rng(), bars=bars)


def test_a_drone_is_refused_after_a_bounded_number_of_tries() -> None:
    torch.manual_seed(0)
    model = Composer(TINY).eval()
    with torch.no_grad():
        # With one dominant pitch trait every note wants to be the same.
        model.tokens.own.zero_()
        model.tokens.shared.zero_()
        model.tokens.shared[72 - 48 + 1] = 100.0
        model.transformer.norm.weight.fill_(0.0)
    assert is_degenerate(NormalTune("jig", Meter(6, 8), "major", (drone(),)))
    with pytest.raises(CompositionError, match="stayed on one note"):
        model.compose(TuneAttributes(kind="jig"), generator=rng(), bars=8, temperature=0.0)


def drone() -> Part:
    return Part((), ((NormalNote(72, 12),) * 6,) * 2, False)


def test_logits_do_not_depend_on_the_future(composer: Composer) -> None:
    names = [
        *Conditions("jig", "6/8", "major", 1, 4, 3).names(),
        "part:A:once",
        "bar:1",
        "note:72:36",
        "note:67:36",
    ]
    ids = torch.tensor([[vocabulary().ids[name] for name in names]])
    features = torch.from_numpy(feature_rows(ids[0].tolist())).long()[None]
    assert features.shape[-1] == 2 + len(LOOK_BACK_BARS)
    with torch.no_grad():
        logits = composer(ids, features)
        changed = ids.clone()
        changed[0, -1] = vocabulary().ids["note:60:36"]
        other = composer(changed, features)
    assert logits.shape == (1, len(names), len(vocabulary()))
    torch.testing.assert_close(logits[:, :-1], other[:, :-1])
    assert not torch.allclose(logits[:, -1], other[:, -1])


def test_saved_weights_load_and_write_the_same_tunes(composer: Composer, tmp_path: Path) -> None:
    composer.save(tmp_path)
    first, second = load_composer(tmp_path), load_composer(tmp_path)
    wish = TuneAttributes(kind="jig")
    assert first.compose(wish, generator=rng(), bars=4) == second.compose(wish, generator=rng(), bars=4)
    for name, value in composer.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], value, atol=2e-3, rtol=2e-3)


def test_damaged_weights_are_refused(composer: Composer, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"composer\.json: no such file"):
        load_composer(tmp_path)
    composer.save(tmp_path)
    config, weights = tmp_path / "composer.json", tmp_path / "composer.safetensors"
    text, data = config.read_text(), weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        load_composer(tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointError, match="no such file"):
        load_composer(tmp_path)
    weights.write_bytes(data)
    for change, message in (
        ({"width": 32}, "has shape"),
        ({"layers": 1}, "unknown"),
        ({"surprise": 1}, "surprise"),
        ({"heads": 5}, "even head width"),
    ):
        header = json.loads(text)
        header["config"] |= change
        config.write_text(json.dumps(header))
        with pytest.raises(CheckpointError, match=message):
            load_composer(tmp_path)
    config.write_text(json.dumps(json.loads(text) | {"version": 99}))
    with pytest.raises(CheckpointError, match="version 99"):
        load_composer(tmp_path)
    config.write_text("{")
    with pytest.raises(CheckpointError, match="not JSON"):
        load_composer(tmp_path)


def test_a_tune_lies_in_the_octave_nearest_the_middle_of_the_fiddle() -> None:
    order = order_from(TuneAttributes(kind="jig", tonic="G", mode="major", form="A"), generator=rng())
    for octave in (0, 12):
        low = Part((), tuple((NormalNote(60 + step + octave, 36),) * 2 for step in (0, 4, 7)), False)
        tune = assemble(
            NormalTune("jig", Meter(6, 8), "major", (low,)), order, title=None, reference=1, generator=rng()
        )
        pitches = [pitch.midi for bar in tune.bars for note in bar.notes for pitch in note.pitches]
        assert pitches == [67, 67, 71, 71, 74, 74]
