"""MusicXML of other programs, and of none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symbolic_bridge.musicxml import measures, tune_of_musicxml
from symbolic_bridge.musicxml.reader import MOST_OVERLAYS, MOST_STAVES
from symbolic_bridge.tune import Bar, Key, Meter, Pitch

ATTRIBUTES = (
    "<attributes><divisions>4</divisions><key><fifths>1</fifths></key><time><beats>3</beats>"
    "<beat-type>4</beat-type></time></attributes>"
)


def note(step: str = "C", duration: int = 4, octave: int = 4, inside: str = "", behind: str = "") -> str:
    """A <note>; `inside` goes before its duration, `behind` after it."""
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>" if step else "<rest/>"
    return f"<note>{inside}{pitch}<duration>{duration}</duration>{behind}</note>"


def score(
    *contents: str, parts: str = "<score-part id='P1'><part-name>Fiddle</part-name></score-part>"
) -> bytes:
    """A score of one part; each content is a measure."""
    inside = "".join(f"<measure number='{n}'>{content}</measure>" for n, content in enumerate(contents, 1))
    return (
        f"<score-partwise><part-list>{parts}</part-list><part id='P1'>{inside}</part></score-partwise>"
    ).encode()


def read_bar(content: str) -> tuple[Bar, tuple[str, ...]]:
    """The bar of a one-measure score in 3/4, and the warnings."""
    tune = tune_of_musicxml(score(ATTRIBUTES + content))
    return tune.bars[0], tune.warnings


def lengths(bar: Bar) -> list[str]:
    """Lengths in quarters, rests in brackets."""
    return [f"{note.duration * 4}" if note.pitches else f"({note.duration * 4})" for note in bar.notes]


def test_a_plain_score_is_read():
    tune = tune_of_musicxml(score(ATTRIBUTES + note("G") + note("A", 8), note("", 12)), title="kesh")
    assert tune.header.title == "kesh"
    assert (tune.header.key, tune.header.meter, tune.header.unit) == (Key("G"), Meter(3, 4), Fraction(1, 8))
    assert [lengths(bar) for bar in tune.bars] == [["1", "2"], ["(3)"]]
    assert tune.bars[0].notes[0].pitches == (Pitch("G", 0, 4),)
    assert not tune.warnings


def test_rounded_tuplets_get_their_exact_lengths():
    triplet = (
        "<type>eighth</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
        "</time-modification>"
    )
    bar, warnings = read_bar(
        "<attributes><divisions>256</divisions></attributes>"
        + note(duration=85, behind=triplet) + note(duration=85, behind=triplet) + note(duration=86, behind=triplet)
        + note(duration=512)
    )  # fmt: skip
    assert lengths(bar) == ["1/3", "1/3", "1/3", "2"]
    assert not warnings


def test_a_chord_is_one_note_and_graces_belong_to_the_next():
    grace = "<note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>"
    bar, _ = read_bar(grace + note("C") + note("E", inside="<chord/>") + note("D", 8))
    assert [[pitch.letter for pitch in entry.pitches] for entry in bar.notes] == [["C", "E"], ["D"]]
    assert bar.notes[0].graces == (Pitch("B", 0, 4),)


def test_further_voices_of_a_staff_are_overlays():
    first, second = "<voice>1</voice>", "<voice>2</voice>"
    bar, warnings = read_bar(
        note("C", 12, behind=first)
        + "<backup><duration>12</duration></backup><forward><duration>4</duration></forward>"
        + note("E", 4, behind=second) + note("F", 4, behind=second)
    )  # fmt: skip
    assert lengths(bar) == ["3"]
    [overlay] = bar.overlays
    assert [[pitch.letter for pitch in entry.pitches] for entry in overlay] == [[], ["E"], ["F"]]
    assert not warnings


def test_the_voice_that_stands_in_most_measures_has_the_bars():
    one, two = "<voice>1</voice>", "<voice>2</voice>"
    back = "<backup><duration>12</duration></backup>"
    measures = (
        f"<measure>{ATTRIBUTES}{note('C', 12, behind=one)}{back}{note('E', 12, behind=two)}</measure>"
        f"<measure>{note('F', 12, behind=two)}</measure>"
    )
    found = tune_of_musicxml(f"<score-partwise><part id='P1'>{measures}</part></score-partwise>".encode())
    letters = [[entry.pitches[0].letter for entry in bar.notes] for bar in found.bars]
    assert (letters, len(found.bars[0].overlays), found.bars[1].overlays) == ([["E"], ["F"]], 1, ())


def test_a_direction_belongs_to_the_voice_that_it_names():
    words = "<direction><direction-type><words>hey</words></direction-type><voice>2</voice></direction>"
    bar, _ = read_bar(
        note("C", 12, behind="<voice>1</voice>") + "<backup><duration>12</duration></backup>" + words
        + note("E", 12, behind="<voice>2</voice>")
    )  # fmt: skip
    assert (bar.notes[0].annotations, bar.overlays[0][0].annotations) == ((), ("hey",))


def test_more_voices_and_staves_than_anybody_reads_are_left_out_and_said():
    back = "<backup><duration>12</duration></backup>"
    voices = back.join(note("C", 12, behind=f"<voice>{number}</voice>") for number in range(1, 12))
    bar, warnings = read_bar(voices)
    assert len(bar.overlays) == MOST_OVERLAYS
    assert any("3 voices of staff 1 are left out" in text for text in warnings)
    staves = back.join(note("C", 12, behind=f"<staff>{number}</staff>") for number in range(1, 40))
    found = tune_of_musicxml(
        f"<score-partwise><part id='P1'><measure>{ATTRIBUTES}{staves}</measure></part></score-partwise>".encode()
    )
    assert len(found.voices) == MOST_STAVES - 1
    assert any("7 staves are left out" in text for text in found.warnings)


def test_what_a_voice_leaves_empty_is_rest():
    forward = "<forward><duration>4</duration></forward>"
    bar, warnings = read_bar(forward + note() + forward)
    assert lengths(bar) == ["(1)", "1", "(1)"]
    assert not warnings


def test_parts_with_notes_become_voices_unless_one_is_asked_for():
    names = "".join(
        f"<score-part id='P{n}'><part-name>{name}</part-name></score-part>" for n, name in enumerate("ABC", 1)
    )
    parts = "".join(
        f"<part id='P{n}'><measure>{ATTRIBUTES}{note(step, 12)}</measure></part>"
        for n, step in enumerate(["", "D", "E"], 1)
    )
    data = f"<score-partwise><part-list>{names}</part-list>{parts}</score-partwise>".encode()
    found = tune_of_musicxml(data)
    assert found.bars[0].notes[0].pitches[0].letter == "D"
    assert [(voice.name, voice.bars[0].notes[0].pitches[0].letter) for voice in found.voices] == [("C", "E")]
    assert not found.warnings
    for wanted in ("c", "P3", "3"):
        again = tune_of_musicxml(data, wanted)
        assert (again.bars[0].notes[0].pitches[0].letter, again.warnings) == ("E", ())
    with pytest.raises(ValueError, match="part 'D' is not one of A, B, C"):
        tune_of_musicxml(data, "D")


def test_marks_go_to_the_note_at_their_place():
    words = "<direction><direction-type><words>dolce</words></direction-type>{}</direction>"
    chord = "<harmony><root><root-step>{}</root-step></root><kind>major</kind>{}</harmony>"
    bar, warnings = read_bar(
        chord.format("G", "") + note("C", 8) + words.format("") + chord.format("D", "<offset>-4</offset>")
        + chord.format("A", "") + note("D", 4)
    )  # fmt: skip
    assert [entry.chord_symbol for entry in bar.notes] == ["G", "A"]
    assert [entry.annotations for entry in bar.notes] == [(), ("dolce",)]
    assert any("second chord symbol" in text for text in warnings)


def test_changes_inside_a_bar_take_effect_at_the_next():
    change = "<attributes><key><fifths>-1</fifths></key></attributes>"
    tune = tune_of_musicxml(score(ATTRIBUTES + note() + change + note("D", 8), note("E", 12)))
    assert [bar.key for bar in tune.bars] == [None, Key("F")]
    assert tune.warnings == ("line 1: a change inside a bar takes effect at the next",)


@pytest.mark.parametrize(
    ("direction", "bpm", "words"),
    [
        (
            "<direction-type><metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
            "</direction-type>",
            120,
            "",
        ),
        ("<sound tempo='90.5'/>", 90.5, ""),
        ("<direction-type><words>Allegro</words></direction-type><sound tempo='120'/>", 120, "Allegro"),
        (
            "<direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>c. 100</per-minute></metronome>"
            "</direction-type><sound tempo='999'/>",
            100,
            "",
        ),
    ],
)  # fmt: skip
def test_tempi_are_what_is_shown_and_else_what_is_played(direction: str, bpm: float, words: str) -> None:
    tune = tune_of_musicxml(score(ATTRIBUTES + f"<direction>{direction}</direction>" + note("C", 12)))
    assert tune.header.tempo_bpm == bpm
    assert tune.header.fields == ((("Q", words),) if words else ())


def test_an_ending_that_is_over_gets_a_double_bar():
    line = "<barline location='{}'><ending number='{}' type='{}'/>{}</barline>"
    back = "<repeat direction='backward'/>"
    tune = tune_of_musicxml(
        score(
            ATTRIBUTES + note("C", 12),
            line.format("left", 1, "start", "") + note("D", 12) + line.format("right", 1, "stop", back),
            line.format("left", 2, "start", "") + note("E", 12) + line.format("right", 2, "stop", ""),
            note("F", 12),
        )
    )
    letters = [bar.notes[0].pitches[0].letter for bar in tune.unfold().bars]
    assert letters == list("CDCEF")


def test_slurs_that_never_begin_or_end_are_left_out():
    slur = "<notations><slur type='{}' number='{}'/></notations>"
    bar, warnings = read_bar(
        note(behind=slur.format("start", 1))
        + note(behind=slur.format("stop", 2))
        + note(behind=slur.format("stop", 1))
    )
    assert [(entry.slur_starts, entry.slur_ends) for entry in bar.notes] == [(1, 0), (0, 0), (0, 1)]
    assert not warnings
    bar, warnings = read_bar(note(behind=slur.format("start", 1)) + note("D", 8))
    assert bar.notes[0].slur_starts == 0
    assert "a slur that never ends" in warnings[0]


def test_words_stand_under_their_notes():
    lyric = "<lyric number='1'><syllabic>{}</syllabic><text>{}</text></lyric>"
    tune = tune_of_musicxml(
        score(ATTRIBUTES + note(behind=lyric.format("begin", "Mol")) + note(behind=lyric.format("end", "ly"))
              + note(behind=lyric.format("single", "Malone")))
    )  # fmt: skip
    assert [note.lyrics for note in tune.bars[0].notes] == [("Mol-",), ("ly",), ("Malone",)]
    assert "w: Mol-ly Malone" in tune.to_abc()


def test_what_a_tune_cannot_hold_is_told():
    unpitched = "<note><unpitched/><duration>4</duration></note>"
    quarter_tone = (
        "<note><pitch><step>C</step><alter>0.5</alter><octave>4</octave></pitch><duration>4</duration></note>"
    )
    octave = "<direction><direction-type><octave-shift type='down' size='8'/></direction-type></direction>"
    bar, warnings = read_bar(octave + note() + unpitched + quarter_tone)
    assert lengths(bar) == ["1", "(1)", "1"]
    assert len(warnings) == 3
    assert all(text.startswith("line 1: ") for text in warnings)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<html/>", "found <html>, allowed <score-partwise>"),
        (b"<score-timewise/>", "found <score-timewise>"),
        (b"<score-partwise/>", "found no <part>"),
        (score(ATTRIBUTES), "found no notes"),
        (score(ATTRIBUTES + note("H")), "the step 'H' in <pitch>, allowed A to G"),
        (score(ATTRIBUTES + note(octave=12)), "the octave '12'"),
        (score(note().replace("4</duration>", "1e9</duration>")), "'1e9' in <duration>, allowed a number"),
        (score(note(duration=999999999)), "allowed 0 to 64"),
        (score(note(duration=-4)), "allowed 0 to 64"),
        (score("<attributes><divisions>0</divisions></attributes>" + note()), "a number above 0"),
        (score("<attributes><key><fifths>99</fifths></key></attributes>" + note()), "99 fifths"),
        (score("<attributes><time><beats>0</beats><beat-type>4</beat-type></time></attributes>" + note()), "'0/4'"),
        (score(ATTRIBUTES + note() + "<barline><ending number='x' type='start'/></barline>"), "ending numbers"),
        (score("<forward><duration>200</duration></forward>" * 30 + note()), "longer than 1024 whole notes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(data: bytes, found: str) -> None:
    with pytest.raises(ValueError, match=found) as caught:
        tune_of_musicxml(data)
    assert "\n" not in str(caught.value)


def test_too_many_measures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symbolic_bridge.musicxml.reader.MOST_BARS", 10)
    assert len(tune_of_musicxml(score(*[note()] * 10)).bars) == 10
    with pytest.raises(ValueError, match="11 measures, allowed are 10"):
        tune_of_musicxml(score(*[note()] * 11))


def test_a_note_may_not_be_longer_than_the_limit_says():
    limit = measures.LONGEST_NOTE
    assert tune_of_musicxml(score(note(duration=4 * limit))).bars[0].duration == limit
    with pytest.raises(ValueError, match=f"allowed 0 to {limit}"):
        tune_of_musicxml(score(note(duration=4 * limit + 1)))
