"""Rules of the performance: tempo, repeats, swing, ornaments, touch, range and length."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from symbolic_bridge.instruments import INSTRUMENTS, LEADS
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.perform import MAX_DURATION_SECONDS, RING_SECONDS, START_SECONDS, perform
from symbolic_bridge.performance import Performance, SoundedNote
from symbolic_bridge.tune import Bar, Header, Note, Pitch, Tune
from symbolic_bridge.unfold import timed_notes

# Micro-timing stays below this.
NOISE_SECONDS = 0.0101


def _tune(body: str, *, rhythm: str = "reel", meter: str = "4/4", key: str = "C", fields: str = "") -> Tune:
    return Tune.from_abc(f"X:1\nT:t\nR:{rhythm}\nM:{meter}\nL:1/8\n{fields}K:{key}\n{body}\n")


def _play(tune: Tune, *, seed: int = 0, **options: Any) -> Performance:
    return perform(tune, rng=np.random.default_rng(seed), **options)


def _onsets(performance: Performance) -> np.ndarray:
    return np.array([note.onset for note in performance.lead.notes])


RUN = "CDEF GABc|cBAG FEDC|CDEF GABc|cBAG FEDC|"
REPEATS = "G2|:c2e2 g2ec|f2a2 c'2af|[1 g2b2 d'2bg:|[2 c4 c2G2||\n|:cdef gfed|c4 c4:|"


def test_the_same_seed_gives_the_same_performance_and_another_seed_another() -> None:
    tune = _tune(REPEATS)
    assert _play(tune, accompaniment="guitar") == _play(tune, accompaniment="guitar")
    assert _play(tune, seed=1) != _play(tune)


def test_excited_moods_detach_notes_and_quiet_ones_bind_them() -> None:
    tune = _tune(RUN)
    lengths = [
        sum(note.offset - note.onset for note in _play(tune, arousal=arousal).lead.notes)
        for arousal in (-1.0, 0.0, 1.0)
    ]
    assert lengths[0] > lengths[1] > lengths[2]
    assert _play(tune) == _play(tune, arousal=0.0)
    with pytest.raises(ValueError, match=r"arousal is 1\.5; it must be -1 \.\.\. 1"):
        _play(tune, arousal=1.5)


def test_an_accompaniment_does_not_change_the_lead() -> None:
    tune = _tune(REPEATS)
    assert _play(tune, accompaniment="piano").lead == _play(tune).lead


def test_every_note_of_the_unfolded_tune_sounds_once_without_ornaments() -> None:
    tune = _tune("~c2{d}e2 Tg2 [ceg]2-|[ceg]2 z2 .c2 c2|" + REPEATS)
    expected = [pitch for timed in timed_notes(tune.unfold()) for pitch in sorted(timed.pitches)]
    assert [note.midi_pitch for note in _play(tune, ornaments=False).lead.notes] == expected


def test_tempo_comes_from_the_argument_then_the_tune_then_the_kind() -> None:
    assert _play(_tune(RUN)).tempo_bpm == KINDS["reel"].tempo_bpm
    written = _tune(RUN, fields="Q:1/4=150\n")
    assert _play(written).tempo_bpm == 150
    assert _play(written, tempo_bpm=99).tempo_bpm == 99


def test_half_the_tempo_takes_twice_as_long() -> None:
    tune = _tune(RUN)
    fast, slow = _play(tune, tempo_bpm=200), _play(tune, tempo_bpm=100)
    stretched = (_onsets(fast) - START_SECONDS) * 2 + START_SECONDS
    assert np.abs(stretched - _onsets(slow)).max() < 3 * NOISE_SECONDS
    assert slow.bars[-1].offset - START_SECONDS == pytest.approx(2 * (fast.bars[-1].offset - START_SECONDS))


def test_a_tempo_change_inside_the_tune_is_followed_and_scaled() -> None:
    tune = _tune("C8|[Q:1/4=60]C8|C8|", fields="Q:1/4=120\n")
    lengths = [bar.offset - bar.onset for bar in _play(tune).bars]
    assert lengths == pytest.approx([2, 4, 4])
    assert [bar.offset - bar.onset for bar in _play(tune, tempo_bpm=240).bars] == pytest.approx([1, 2, 2])


def test_notes_start_where_the_score_says_and_lateness_never_accumulates() -> None:
    performance = _play(_tune(RUN * 20), tempo_bpm=120)
    exact = START_SECONDS + 0.25 * np.arange(len(performance.lead.notes))
    assert np.abs(_onsets(performance) - exact).max() <= NOISE_SECONDS
    assert np.abs((_onsets(performance) - exact).mean()) < 0.001


@pytest.mark.parametrize("tempo_bpm", [40, 200, 600])
def test_notes_never_change_places_however_fast(tempo_bpm: float) -> None:
    tune = _tune("C/2D/2E/4F/4G/4A/4 B/8c/8d/8e/8f/2 z4 g3|" * 8)
    expected = [timed.pitches[0] for timed in timed_notes(tune.unfold())]
    notes = _play(tune, tempo_bpm=tempo_bpm).lead.notes
    assert [note.midi_pitch for note in notes] == expected
    assert all(a.onset < b.onset for a, b in pairwise(notes))


def _swing_ratio(performance: Performance) -> float:
    spaces = np.diff(_onsets(performance))
    return float(spaces[0:-1:2].mean() / spaces[1::2].mean())


def test_a_hornpipe_swings_and_a_reel_does_not() -> None:
    assert _swing_ratio(_play(_tune(RUN, rhythm="hornpipe"))) == pytest.approx(
        KINDS["hornpipe"].swing, rel=0.1
    )
    assert _swing_ratio(_play(_tune(RUN, rhythm="reel"))) == pytest.approx(1, rel=0.05)
    assert _swing_ratio(_play(_tune(RUN), swing=2.0)) == pytest.approx(2, rel=0.1)


def test_swing_moves_no_beat() -> None:
    straight, swung = _play(_tune(RUN)), _play(_tune(RUN), swing=2.0)
    assert np.abs(_onsets(straight)[::2] - _onsets(swung)[::2]).max() < 3 * NOISE_SECONDS
    assert straight.bars == swung.bars


def test_what_is_written_dotted_or_in_three_is_not_swung_again() -> None:
    for body in ("C>D E>F G>A B>c|" * 4, "(3CDE (3FGA (3Bcd (3edc|" * 4):
        straight = _play(_tune(body), swing=1.0)
        assert _onsets(straight).tolist() == _onsets(_play(_tune(body), swing=2.0)).tolist()


def test_a_hornpipe_in_sixteenths_swings_its_sixteenths() -> None:
    body = "C/D/E/F/ G/A/B/c/|c/B/A/G/ F/E/D/C/|" * 2
    ratio = _swing_ratio(_play(_tune(body, rhythm="hornpipe", meter="2/4")))
    assert ratio == pytest.approx(KINDS["hornpipe"].swing, rel=0.1)


def test_compound_metres_do_not_swing() -> None:
    tune = _tune("CDE FGA|Bcd edc|", rhythm="set dance", meter="6/8")
    assert _onsets(_play(tune)).tolist() == _onsets(_play(tune, swing=1.0)).tolist()


def test_a_fermata_holds_the_clock() -> None:
    plain, held = _play(_tune("C4D4|E8|"), tempo_bpm=60), _play(_tune("C4!fermata!D4|E8|"), tempo_bpm=60)
    assert held.lead.notes[1].onset == pytest.approx(plain.lead.notes[1].onset)
    assert held.lead.notes[2].onset - plain.lead.notes[2].onset == pytest.approx(1.2, abs=0.01)
    assert held.duration - plain.duration == pytest.approx(1.2)


def test_a_repeated_pitch_is_articulated_again() -> None:
    for instrument in LEADS:
        notes = _play(_tune("G2G2 (G2G2)|GGGG GGGG|"), instrument=instrument).lead.notes
        assert all(after.onset - before.offset > 0.005 for before, after in pairwise(notes))


def test_slurred_notes_touch_and_staccato_notes_are_short() -> None:
    notes = _play(_tune("(c2d2) .e2.f2|g8|"), tempo_bpm=60).lead.notes
    assert notes[0].offset == pytest.approx(notes[1].onset, abs=NOISE_SECONDS)
    assert notes[2].offset - notes[2].onset == pytest.approx(0.5, abs=0.02)


def test_a_roll_is_played_as_five_notes_around_its_own() -> None:
    notes = _play(_tune("~G3 A4 z|", key="G"), tempo_bpm=120).lead.notes
    assert [note.midi_pitch for note in notes] == [67, 69, 67, 66, 67, 69]


def test_a_short_roll_is_a_cut_and_a_trill_begins_and_ends_on_its_note() -> None:
    short = _play(_tune("~GA B2 c4|"), tempo_bpm=160).lead.notes
    assert [note.midi_pitch for note in short][:3] == [69, 67, 69]
    trilled = [note.midi_pitch for note in _play(_tune("!trill!c4 z4|"), tempo_bpm=120).lead.notes]
    assert set(trilled) == {72, 74}
    assert trilled[0] == trilled[-1] == 72
    assert len(trilled) >= 7


def test_a_single_grace_takes_its_time_from_its_note() -> None:
    notes = _play(_tune("c4{d}e4|"), tempo_bpm=120).lead.notes
    assert [note.midi_pitch for note in notes] == [72, 74, 76]
    assert notes[1].onset == pytest.approx(START_SECONDS + 1, abs=NOISE_SECONDS)
    assert 0.02 < notes[2].onset - notes[1].onset < 0.08


def test_several_graces_come_before_the_beat_and_shorten_the_note_before() -> None:
    notes = _play(_tune("c4{def}g4|"), tempo_bpm=120).lead.notes
    assert [note.midi_pitch for note in notes] == [72, 74, 76, 77, 79]
    assert notes[4].onset == pytest.approx(START_SECONDS + 1, abs=NOISE_SECONDS)
    assert notes[0].offset <= notes[1].onset + 1e-9


def test_graces_before_the_first_note_stay_in_the_sound() -> None:
    notes = _play(_tune("{cdefg}a8|"), tempo_bpm=120).lead.notes
    assert notes[0].onset >= 0
    assert [note.midi_pitch for note in notes] == [72, 74, 76, 77, 79, 81]


def test_downbeats_are_louder_than_offbeats() -> None:
    notes = _play(_tune(RUN * 4)).lead.notes
    velocities = np.array([note.velocity for note in notes])
    assert velocities[::8].mean() > velocities[4::8].mean() > velocities[1::2].mean()


def test_the_last_note_rings() -> None:
    for instrument, decay in (("fiddle", "sustained"), ("harp", "plucked")):
        performance = _play(_tune("C8|C8|"), instrument=instrument)
        assert INSTRUMENTS[instrument].decay == decay
        assert performance.lead.notes[-1].offset > performance.bars[-1].offset
        assert performance.duration == pytest.approx(performance.bars[-1].offset + RING_SECONDS)


def test_a_tune_outside_the_range_moves_by_octaves_with_a_warning() -> None:
    low = _tune("C,2D,2 E,2F,2|G,8|")
    performance = _play(low, instrument="fiddle")
    assert [note.midi_pitch for note in performance.lead.notes][:2] == [60, 62]
    assert "1 octave up" in performance.warnings[0]
    assert _play(low, instrument="cello").warnings == ()


def test_single_notes_outside_the_range_are_folded_with_a_warning() -> None:
    performance = _play(_tune("B,2d2 g2b2|d'8|"), instrument="whistle")
    assert [note.midi_pitch for note in performance.lead.notes] == [71, 74, 79, 83, 86]
    assert performance.warnings == ("1 notes outside the range of the whistle are moved by octaves",)


@pytest.mark.parametrize("instrument", LEADS)
def test_ornaments_stay_in_every_instruments_range(instrument: str) -> None:
    body = "{C,}~D,3~B,,3~D2|!trill!g''4 {a''}~a''4|C,,8|~d'4 ~D4|"
    player = INSTRUMENTS[instrument]
    notes = _play(_tune(body), instrument=instrument).lead.notes
    assert all(player.lowest <= note.midi_pitch <= player.highest for note in notes)


@pytest.mark.parametrize("seconds", [1, 5, 10, 20.5, 60, 200])
@pytest.mark.parametrize("rhythm", ["reel", "air"])
def test_a_duration_is_met_within_a_bar_and_the_ring(seconds: float, rhythm: str) -> None:
    performance = _play(_tune(REPEATS, rhythm=rhythm), duration_seconds=seconds, accompaniment="guitar")
    bar = max(bar.offset - bar.onset for bar in performance.bars)
    assert abs(performance.duration - seconds) <= bar + RING_SECONDS
    assert max(note.offset for part in performance.parts for note in part.notes) <= performance.duration


def test_a_cut_tune_ends_at_a_bar_line_with_its_last_note_ringing() -> None:
    performance = _play(_tune(RUN * 4), duration_seconds=8, tempo_bpm=120)
    assert performance.bars[-1].offset == pytest.approx(performance.duration - RING_SECONDS)
    assert len(performance.lead.notes) == 8 * len(performance.bars)


def test_a_repeated_tune_keeps_its_pulse() -> None:
    once = _play(_tune(RUN), tempo_bpm=120)
    twice = _play(
        _tune(RUN), tempo_bpm=120, duration_seconds=2 * (once.duration - RING_SECONDS) + RING_SECONDS
    )
    assert len(twice.lead.notes) == 2 * len(once.lead.notes)
    assert np.abs(np.diff(_onsets(twice)) - 0.25).max() < 3 * NOISE_SECONDS


def test_bars_follow_each_other_and_a_pickup_completes_the_bar_before() -> None:
    performance = _play(_tune("G2|:c2e2 g2e2|c4 c2:|\n|:G2|c2e2 g2e2|c4 c2:|"), tempo_bpm=120)
    assert all(a.offset == pytest.approx(b.onset) for a, b in pairwise(performance.bars))
    lengths = [bar.offset - bar.onset for bar in performance.bars]
    assert performance.bars[0].onset == pytest.approx(START_SECONDS - 1.5)
    assert performance.bars[-1].section == 1
    assert all(bar.beats in (3, 4) for bar in performance.bars)
    assert max(lengths) == pytest.approx(2)


def test_sections_are_numbered_through_their_repeats() -> None:
    performance = _play(_tune("|:C8|D8|E8|F8:|\n|:G8|A8|B8|c8:|"))
    assert [bar.section for bar in performance.bars] == [0] * 8 + [1] * 8


def test_chords_are_given_in_seconds() -> None:
    performance = _play(_tune('"C"c8|"G7"g8|'), tempo_bpm=120, duration_seconds=7)
    assert [(c.onset, c.offset, c.root, c.quality) for c in performance.chords] == [
        (0.1, 2.1, 0, "major"),
        (2.1, 4.1, 7, "dominant"),
        (4.1, 6.1, 0, "major"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instrument": "kazoo"}, "'kazoo' is not one of"),
        ({"tempo_bpm": 0}, "tempo_bpm is 0"),
        ({"tempo_bpm": float("nan")}, "tempo_bpm is nan"),
        ({"tempo_bpm": 1000}, "10 ... 600"),
        ({"duration_seconds": 0}, "duration_seconds is 0"),
        ({"duration_seconds": -1}, "above 0"),
        ({"duration_seconds": float("nan")}, "duration_seconds is nan"),
        ({"duration_seconds": 36000}, f"at most {MAX_DURATION_SECONDS:g}"),
        ({"swing": 0.5}, "swing is 0.5"),
    ],
)
def test_what_cannot_be_played_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _play(_tune(RUN), **options)


def test_a_tune_without_notes_is_refused() -> None:
    rests = Tune(Header(), (Bar((Note((), Fraction(1)),)),))
    with pytest.raises(ValueError, match="'Untitled' has no notes"):
        _play(rests)


def test_an_unplayable_written_tempo_is_passed_over_with_a_warning() -> None:
    performance = _play(_tune(RUN).with_header(tempo_bpm=5000.0))
    assert performance.tempo_bpm == KINDS["reel"].tempo_bpm
    assert "5000" in performance.warnings[0]


def test_a_tune_in_free_metre_can_be_played() -> None:
    performance = _play(_tune("C3D2E|FGABc|", rhythm="", meter="none"))
    assert performance.kind == "air"
    assert len(performance.bars) == 2


def test_a_tune_of_thousands_of_bars_is_played_within_seconds() -> None:
    """10,000 bars take 5 s of processor time; the time must grow no faster than the tune."""
    notes = tuple(Note((Pitch(letter, 0, 5),), Fraction(1, 8)) for letter in "CDEFGABC")
    tune = Tune(Header(rhythm="hornpipe"), tuple(Bar(notes) for _ in range(2_000)))
    begun = time.process_time()
    performance = _play(tune)
    assert len(performance.lead.notes) == 16_000
    assert time.process_time() - begun < 10


def test_sounded_notes_are_plain_numbers() -> None:
    note = _play(_tune(RUN), accompaniment="guitar").parts[1].notes[0]
    assert isinstance(note, SoundedNote)
    assert (type(note.onset), type(note.offset), type(note.midi_pitch), type(note.velocity)) == (
        float,
        float,
        int,
        int,
    )
