from __future__ import annotations

import pytest

from symbolic_bridge.normal_form import WHITE_TONICS, NormalNote, NormalTune, Part, spell
from symbolic_bridge.normalise import NormalReport, UnfitTuneError, normalise
from symbolic_bridge.tune import MODES, Header, Key, Meter, Tune
from symbolic_bridge.tune_tokens import (
    TokenError,
    conditions_of,
    decode,
    encode,
    vocabulary,
    written_kind,
)

HEAD = "X:1\nT:Test\nR:{kind}\nM:{meter}\nL:1/8\nK:{key}\n"


def tune(body: str, meter: str = "6/8", key: str = "D", kind: str = "jig") -> Tune:
    return Tune.from_abc(HEAD.format(meter=meter, key=key, kind=kind) + body + "\n")


def normal(body: str, meter: str = "6/8", key: str = "D", kind: str = "jig") -> NormalTune:
    return normalise(tune(body, meter, key, kind), kind)


BODIES = {
    "pickup and repeats": ("A|dfa afd|gfg e2A|dfa afd|e2d d2:|\nf|a2f d2f|g2e c2e|a2f dfa|gec d2:|", "6/8", "D", "jig"),
    "endings": ("|:GABc dedB|dedB dedB|c2ec B2dB|1 A2AB A4:|2 A2F2 G4||\n|:g4 f4|e4 d4|c4 B4|A4 G4:|",
                "4/4", "G", "reel"),
    "triplets": ("(3ABc d2 e2 f2|g2 (3fed e2 d2|", "4/4", "D", "hornpipe"),
    "broken rhythm": ("A>B c<d e2 f2|g>f e>d c2 B2|", "4/4", "A", "strathspey"),
    "ties and rolls": ("~A3 Bcd|e3-e2d|c3 z2e|d6|", "6/8", "Ador", "jig"),
    "sixteenths": ("d/e/f/g/ a2|b/a/g/f/ e2|d4|", "2/4", "D", "polka"),
    "accidentals": ("^g2 =f2 e2 _e2|d4 ^c4|", "4/4", "Am", "reel"),
    "a rest": ("d3 z3|z6|f3 d3|", "6/8", "D", "jig"),
    "twelve eight": ("A|d2f f2e d2f f2a|b3 a3 f3 e2d:|", "12/8", "D", "slide"),
    "mixolydian": ("eA A2 eAcd|gedc BGBd|", "4/4", "Amix", "reel"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_tokens_hold_the_whole_normal_form(name: str) -> None:
    written = normal(*BODIES[name])
    assert decode(encode(written)) == written


@pytest.mark.parametrize("name", BODIES)
def test_the_normal_form_of_a_normal_tune_is_itself(name: str) -> None:
    written = normal(*BODIES[name])
    assert normalise(written.to_tune(), written.kind) == written


def test_every_mode_comes_to_the_white_notes() -> None:
    for mode in MODES:
        key = Key("D", mode)
        scale = {(key.tonic_pitch_class + step) % 12 for step in white_steps(mode)}
        assert {(pitch + Key(WHITE_TONICS[mode], mode).tonic_pitch_class - 2) % 12 for pitch in scale} == {
            0, 2, 4, 5, 7, 9, 11,
        }  # fmt: skip


def white_steps(mode: str) -> list[int]:
    start = Key(WHITE_TONICS[mode], mode).tonic_pitch_class
    return sorted((pitch - start) % 12 for pitch in (0, 2, 4, 5, 7, 9, 11))


def test_a_tune_moves_with_its_key_but_its_normal_form_does_not() -> None:
    in_d = normal("A|dfa afd|gfg e2A|dfa afd|e2d d2:|", key="D")
    in_e = normal("B|egb bge|aga f2B|egb bge|f2e e2:|", key="E")
    assert in_d == in_e
    pitches = [note.midi % 12 for note in in_d.notes() if note.midi is not None]
    assert set(pitches) <= {0, 2, 4, 5, 7, 9, 11}


def test_writing_in_the_first_key_gives_the_first_pitches_back() -> None:
    body = "A|dfa afd|gfg ^e2A|dfa a=fd|e2d d2:|"
    first = tune(body)
    written = normalise(first, "jig")
    header = Header(rhythm="jig", meter=Meter(6, 8), key=Key("D", "major"))
    low = min(note.midi for note in written.notes() if note.midi is not None)
    semitones = min(pitch.midi for bar in first.bars for note in bar.notes for pitch in note.pitches) - low
    again = written.to_tune(header, semitones)
    assert [bar.duration for bar in again.bars] == [bar.duration for bar in first.bars]
    assert [n.pitches[0].midi for b in again.bars for n in b.notes] == [
        n.pitches[0].midi for b in first.bars for n in b.notes
    ]


def test_spelling_follows_the_line_of_fifths() -> None:
    sharp_fourth = spell(66, turn=2, semitones=2)  # F# of C is G# of D
    assert (sharp_fourth.letter, sharp_fourth.alter, sharp_fourth.midi) == ("G", 1, 68)
    flat_seventh = spell(70, turn=-1, semitones=5)  # Bb of C is Eb of F
    assert (flat_seventh.letter, flat_seventh.alter, flat_seventh.midi) == ("E", -1, 75)
    for midi in range(53, 89):
        for turn in range(-6, 7):
            assert spell(midi, turn, 7 * turn % 12).midi == midi + 7 * turn % 12


def test_a_full_last_bar_makes_room_for_the_pickup() -> None:
    part = normal("A|dfa afd|gfg e2A|dfa afd|e2d d2A:|").parts[0]
    assert sum(note.ticks for note in part.bars[-1]) == 60


def test_bars_split_at_a_line_end_are_joined() -> None:
    part = normal("dfa afd|gfg|\ne2A|dfa afd|").parts[0]
    assert [sum(note.ticks for note in bar) for bar in part.bars] == [72, 72, 72]


def test_what_is_left_out_is_counted() -> None:
    report = NormalReport()
    normalise(tune('{g}A2 .B "D"[df]2 a|~b6|'), "jig", report)
    assert report.dropped == {"graces": 1, "decorations": 1, "chord notes": 1, "chord symbols": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("dfa afd|gfg e2|dfa afd|d6|", "bars that do not add up"),
        ("dfa afd|[K:G]gfg e2A|", "key changes"),
        ("dfa afd|[M:9/8]gfg e2A B3|", "metre changes"),
        ("G,,,fa afd|g'''fg e2A|", "range"),
        ("z6|z6|", "no notes"),
        ("d1/8f/8a/8-a5/8 z5|d6|", "duration"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(body: str, reason: str) -> None:
    with pytest.raises(UnfitTuneError) as caught:
        normal(body)
    assert caught.value.reason == reason


def test_conditions_describe_the_tune() -> None:
    conditions = conditions_of(normal(*BODIES["pickup and repeats"]))
    assert conditions.names() == ("kind:jig", "meter:6/8", "mode:major", "parts:2", "length:8", "density:2")


def test_every_kind_has_a_token() -> None:
    from symbolic_bridge.kinds import KINDS

    for kind in KINDS:
        assert f"kind:{written_kind(kind)}" in vocabulary().ids
    assert written_kind("lament") == "air"


def test_the_vocabulary_is_one_to_one_and_its_tables_fit() -> None:
    table = vocabulary()
    assert len(set(table.names)) == len(table) == len(table.ids)
    index = table.ids["note:72:12"]
    assert (table.pitch[index], table.ticks[index]) == (72, 12)
    assert table.names[table.pad] == "pad"
    assert table.names[table.end] == "end"


def test_a_malformed_row_is_refused_at_its_token() -> None:
    table = vocabulary()
    ids = encode(normal(*BODIES["pickup and repeats"]))
    with pytest.raises(TokenError, match="'end' must stand there"):
        decode(ids[:-1])
    with pytest.raises(TokenError, match="after the end"):
        decode([*ids, table.end])
    with pytest.raises(TokenError, match="token 0"):
        decode(ids[1:])
    with pytest.raises(TokenError, match="id 99999"):
        decode([99999])
    bar = next(place for place, index in enumerate(ids) if table.names[index].startswith("bar:"))
    with pytest.raises(TokenError, match="a note must stand there"):
        decode([*ids[: bar + 1], *ids[bar:]])


def test_a_normal_tune_checks_itself() -> None:
    note = NormalNote(72, 12)
    with pytest.raises(ValueError, match="7 ticks"):
        NormalNote(72, 7)
    with pytest.raises(ValueError, match="no tie"):
        NormalNote(None, 12, tie=True)
    with pytest.raises(ValueError, match="0 bars"):
        Part((), (), False)
    with pytest.raises(ValueError, match="first and a second"):
        Part((), ((note,),), True, (((note,),),))
    part = Part((), ((note,),), False)
    with pytest.raises(ValueError, match="blues"):
        NormalTune("jig", Meter(6, 8), "blues", (part,))
    with pytest.raises(ValueError, match="outside"):
        NormalTune("jig", Meter(6, 8), "major", (Part((), ((NormalNote(20, 12),),), False),))
    with pytest.raises(ValueError, match="semitones"):
        NormalTune("jig", Meter(6, 8), "major", (part,)).to_tune(
            Header(meter=Meter(6, 8), key=Key("D", "major")), 3
        )
