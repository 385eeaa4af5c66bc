"""Rules of sets: every note of every tune is there, as often as asked, in its own key, metre, tempo and swing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from symbolic_bridge.perform import perform
from symbolic_bridge.tune import MODES, Key, Meter, Tune
from symbolic_bridge.tune_sets import MOST_TUNES, SESSION_KEYS, join_tunes, related_keys
from symbolic_bridge.unfold import timed_notes

JIG = (
    "X:3\nT:First\nR:jig\nC:Her\nM:6/8\nL:1/8\nQ:3/8=110\nK:G\n"
    "|:GAG GAB|ABA ABd|1 edd gdd:|2 edB A3|]\nd3 ^c3|[K:D]fdf e3|\n"
)
HORNPIPE = "X:1\nT:Second\nR:hornpipe\nM:4/4\nL:1/8\nK:D\n%%MIDI program 73\n|:dc|dcde fefg|a2 A2 A2:|\n"
POLKA = (
    "X:1\nT:Third\nT:Also so\nR:polka\nZ:me\nM:2/4\nL:1/16\nP:ABA\nK:Em\n"
    "P:A\ne2e2 f2g2|e4 e4|\nP:B\nb2b2 a2g2|f4 e4|\n"
)
SLOW = 'X:1\nT:Slow\nC:He\nM:3/4\nL:1/4\nQ:"Slowly" 1/4=60\nK:G\nGAB|c3|]\nW:words of the first\n'
REEL = "X:1\nT:Fourth\nR:reel\nM:C|\nL:1/8\nK:D\n|:dcde fefg:|\n"


def tunes(*texts: str) -> list[Tune]:
    return [Tune.from_abc(text) for text in texts]


def played(tune: Tune) -> list[tuple[int, ...]]:
    """The pitches that sound, in order."""
    return [note.pitches for note in timed_notes(tune.unfold())]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("texts", [(JIG, HORNPIPE), (HORNPIPE, JIG, POLKA), (POLKA, POLKA, REEL, JIG)])
def test_every_note_of_every_tune_sounds_as_often_as_asked(texts: tuple[str, ...], times: int):
    members = tunes(*texts)
    joined = join_tunes(members, times)
    assert played(joined) == [
        pitches for member in members for _ in range(times) for pitches in played(member)
    ]


@pytest.mark.parametrize(
    "texts", [(JIG, HORNPIPE, POLKA), (HORNPIPE, REEL), (REEL, POLKA, JIG, HORNPIPE), (SLOW, JIG, SLOW)]
)
def test_a_set_is_abc_that_reads_as_the_same_set(texts: tuple[str, ...]):
    joined = join_tunes(tunes(*texts))
    again = Tune.from_abc(joined.to_abc(), strict=True)
    assert again == joined
    assert again.to_abc() == joined.to_abc()


def test_tunes_are_parts_under_their_titles_and_repeats_stay_repeats():
    joined = join_tunes(tunes(JIG, POLKA), 3)
    assert joined.header.title == "First / Third"
    assert dict(joined.header.fields)["P"] == "A3B3"
    labelled = [bar for bar in joined.bars if bar.part]
    assert [bar.part for bar in labelled] == ["A", "B"]
    assert [bar.lines for bar in labelled] == [("T:First",), ("T:Third", "T:Also so", "R:polka")]
    assert joined.bars[0].start_repeat
    # What a header says of a tune to people is kept for all of them.
    assert {("C", "Her"), ("Z", "me")} <= set(joined.header.fields)


def test_instructions_of_a_header_stand_where_their_tune_begins():
    joined = join_tunes(tunes(JIG, HORNPIPE))
    assert next(bar for bar in joined.bars if bar.part == "B").lines[-1] == "%%MIDI program 73"


def test_keys_and_metres_are_those_of_each_tune_on_every_time_through():
    bars = join_tunes(tunes(JIG, REEL), 2).unfold().bars
    key, meter, heard = Key("G"), Meter(6, 8), []
    for bar in bars:
        key, meter = bar.key or key, bar.meter or meter
        heard.append((key.tonic, str(meter)))
    once = [("G", "6/8")] * 7 + [("D", "6/8")]
    # The last bar of the jig is in D already, so that the reel needs no change of key.
    assert heard == once * 2 + [("D", "2/2")] * 4


def test_each_tune_has_its_tempo_or_that_of_its_kind_whatever_the_metre_before():
    joined = join_tunes(tunes(JIG, HORNPIPE, POLKA), 1)
    tempos = {bar.part: bar.tempo_bpm for bar in joined.bars if bar.part}
    assert joined.header.tempo_bpm == 110
    assert tempos["B"] == 160
    assert list(tempos.values())[-1] == 126


def test_tunes_of_one_kind_without_tempo_leave_it_to_the_kind():
    joined = join_tunes(tunes(REEL, REEL.replace("Fourth", "Fifth")))
    assert joined.header.tempo_bpm is None
    assert not any(bar.tempo_bpm for bar in joined.bars)


def test_a_tempo_comes_back_on_the_next_time_through():
    slowing = REEL.replace(":|", "|[Q:1/2=50]dcde fefg|]").replace("|:", "")
    bars = join_tunes(tunes(slowing, REEL), 2).unfold().bars
    assert [bar.tempo_bpm for bar in bars] == [None, 50, 104, 50, 104, None, None, None]


def test_a_short_last_bar_is_filled_up_where_no_pickup_follows():
    joined = join_tunes(tunes(HORNPIPE, REEL, HORNPIPE), 2)
    assert dict(joined.header.fields)["P"] == "A2BC2D2"
    rest = next(bar for bar in joined.bars if bar.part == "B")
    assert [(note.is_rest, note.duration) for note in rest.notes] == [(True, Meter(4, 4).bar_duration / 4)]


def test_each_tune_of_a_set_swings_as_its_kind_does():
    reel = REEL.replace("C|", "4/4")
    pipe = HORNPIPE.replace("|:dc|dcde fefg|a2 A2 A2:|", "|:dcde fefg:|")
    onsets = {}
    for name, order in {"first": (pipe, reel), "last": (reel, pipe)}.items():
        joined = join_tunes([tune.with_header(tempo_bpm=120) for tune in tunes(*order)], 1)
        performance = perform(joined, rng=np.random.default_rng(0))
        onsets[name] = [note.onset for note in performance.parts[0].notes]
    ratios = {
        name: [(b - a) / (c - b) for a, b, c in zip(times[::2], times[1::2], times[2::2], strict=False)]
        for name, times in onsets.items()
    }
    swung, straight = pytest.approx(1.7, rel=0.15), pytest.approx(1, rel=0.15)
    assert ratios["first"][:8] == [swung] * 8
    assert ratios["first"][8:] == [straight] * 7
    assert ratios["last"][:8] == [straight] * 8
    assert ratios["last"][8:] == [swung] * 7


def test_sections_are_counted_anew_in_each_tune():
    performance = perform(join_tunes(tunes(POLKA, POLKA, POLKA), 1), rng=np.random.default_rng(0))
    assert [bar.section for bar in performance.bars] == [0, 0, 1, 1, 2, 2] * 3


def test_a_set_lasts_as_long_as_its_tunes_played_alone():
    members = tunes(JIG, REEL)
    alone = sum(perform(member, rng=np.random.default_rng(0)).bars[-1].offset - 0.1 for member in members)
    joined = perform(join_tunes(members, 3), rng=np.random.default_rng(0))
    assert joined.bars[-1].offset - 0.1 == pytest.approx(3 * alone, rel=1e-3)


def test_further_voices_are_left_out_with_a_warning():
    voiced = "X:1\nT:Two\nM:6/8\nL:1/8\nV:T clef=treble\nV:B clef=bass\nK:G\nV:T\nGAG GAB|\nV:B\nG,6|\n"
    joined = join_tunes(tunes(voiced, JIG))
    assert not joined.voices
    assert joined.warnings == ("'Two': only the first of its 2 voices is in the set",)
    assert [text for letter, text in joined.header.fields if letter == "V"] == ["T clef=treble"]


@pytest.mark.parametrize(
    ("texts", "times", "message"),
    [
        ((JIG,), 2, "a set of 1: 2 to 13 tunes are needed"),
        ((JIG,) * (MOST_TUNES + 1), 2, "a set of 14"),
        ((JIG, REEL), 0, "0 times through: 1 to 9 are allowed"),
        ((JIG, REEL), 10, "10 times through"),
        ((JIG, REEL.replace("M:C|", "M:none")), 2, "'Fourth' is in free metre"),
        ((JIG, "X:1\nT:Silent\nM:4/4\nL:1/4\nK:C\nz4|\n"), 2, "'Silent' has no notes"),
    ],
)
def test_what_makes_no_set_is_refused(texts: tuple[str, ...], times: int, message: str):
    with pytest.raises(ValueError, match=message):
        join_tunes(tunes(*texts), times)


def test_more_bars_than_can_be_played_are_refused():
    endless = Tune.from_abc(JIG)
    endless = replace(endless, bars=endless.bars * 2000)
    with pytest.raises(ValueError, match="at most 100000 are played"):
        join_tunes([endless, endless], 9)


@pytest.mark.parametrize("first", [Key("D"), Key("G"), Key("E", "minor"), Key("A", "dorian")])
def test_keys_of_a_set_are_session_keys_and_each_is_near_the_one_before(first: Key):
    for seed in range(20):
        keys = related_keys(first, 5, np.random.default_rng(seed))
        assert keys[0] == first
        assert len(set(keys)) == 5
        assert set(keys) <= set(SESSION_KEYS)
        for before, after in pairwise(keys):
            lifted = (
                after.tonic_pitch_class - before.tonic_pitch_class
            ) % 12 == 2 and before.mode == after.mode
            assert abs(after.sharps - before.sharps) <= 1 or lifted


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tonic", ["C", "Db", "F#", "Bb"])
def test_any_key_has_related_ones_and_a_mode_asked_for_is_kept(tonic: str, mode: str):
    keys = related_keys(Key(tonic, mode), 4, np.random.default_rng(0), mode)
    assert len(keys) == 4
    assert {key.mode for key in keys} == {mode}


def test_the_same_seed_draws_the_same_keys():
    draws = [related_keys(Key("D"), 4, np.random.default_rng(5)) for _ in range(2)]
    assert draws[0] == draws[1]
