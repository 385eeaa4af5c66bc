"""Rules of MIDI files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mido
import pytest

from symbolic_bridge import midi_file as smf
from symbolic_bridge.abc_reader import read_tune
from symbolic_bridge.midi import midi_of_tune, read_midi, tune_of_midi, write_midi
from symbolic_bridge.tune import Key, Meter, Tune
from symbolic_bridge.unfold import timed_notes, unfold_tune

JIG = """X:1
T:Jig
M:6/8
L:1/8
Q:3/8=110
K:D
A|d2e fed|{g}B2A A2d|~B2A F>GA|(3ABc d e2A|1 d3 d2:|2 d3-d3|]
"""


def sounding(tune: Tune) -> list[tuple[Fraction, Fraction, tuple[int, ...]]]:
    return [(note.start, note.duration, note.pitches) for note in timed_notes(unfold_tune(tune))]


def test_another_reader_finds_every_note_where_it_belongs(tmp_path: Path):
    tune = read_tune(JIG)
    write_midi(tune, tmp_path / "jig.mid")
    file = mido.MidiFile(tmp_path / "jig.mid")
    found, now = [], 0
    for message in file.tracks[1]:
        now += message.time
        if message.type == "note_on":
            found.append((Fraction(now, file.ticks_per_beat * 4), message.note))
    assert found == [(start, pitch) for start, _, pitches in sounding(tune) for pitch in pitches]
    meta = {message.type: message for message in file.tracks[0]}
    assert meta["set_tempo"].tempo == pytest.approx(60e6 / 165, abs=1)
    assert (meta["time_signature"].numerator, meta["time_signature"].denominator) == (6, 8)
    assert meta["key_signature"].key == "D"


def test_a_tune_survives_the_way_through_a_file(tmp_path: Path):
    tune = read_tune(JIG)
    write_midi(tune, tmp_path / "jig.mid")
    again = read_midi(tmp_path / "jig.mid")
    assert sounding(again) == sounding(tune)
    assert (again.header.meter, again.header.key, again.header.tempo_bpm) == (Meter(6, 8), Key("D"), 110.0)
    assert again.header.title == "Jig"
    assert again.bars[0].duration == Fraction(1, 8)
    assert read_tune(again.to_abc()) == again


@pytest.mark.parametrize(
    ("body", "durations"),
    [
        ("A|d2e fed|e2e d2|]", ["1/8", "3/4", "5/8"]),
        ("|:A|d2e fed|e2e d2:|", ["1/8", "3/4", "3/4", "3/4", "5/8"]),
        ("d2e fed|d3-d2|]", ["3/4", "5/8"]),
    ],
)
def test_a_pickup_and_a_short_last_bar_come_back_in_the_meter_of_the_tune(body: str, durations: list[str]):
    again = tune_of_midi(midi_of_tune(read_tune(f"X:1\nT:t\nM:6/8\nL:1/8\nK:D\n{body}\n")))
    assert [bar.duration for bar in again.bars] == [Fraction(text) for text in durations]
    assert again.header.meter == Meter(6, 8)
    assert not any(bar.meter for bar in again.bars)
    assert read_tune(again.to_abc(), strict=True) == again


def test_changes_of_meter_come_back_and_the_meter_of_most_bars_is_that_of_the_tune():
    body = "C|D6|[M:2/4]E4|[M:3/4]F6|G6|[M:4/4]A8|"
    again = tune_of_midi(midi_of_tune(read_tune(f"X:1\nT:t\nM:3/4\nL:1/8\nK:C\n{body}\n")))
    assert again.header.meter == Meter(3, 4)
    assert [bar.meter for bar in again.bars] == [None, None, Meter(2, 4), Meter(3, 4), None, Meter(4, 4)]


def test_no_half_written_file_stays_behind(tmp_path: Path):
    with pytest.raises(OSError, match="missing"):
        write_midi(read_tune(JIG), tmp_path / "missing" / "jig.mid")
    write_midi(read_tune(JIG), tmp_path / "jig.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["jig.mid"]


def played(
    notes: list[tuple[float, float, int]], ticks: int = 480, meter: tuple[int, int] = (4, 4)
) -> smf.MidiFile:
    """A file of notes given as (onset, end, pitch) in quarters."""
    head = smf.MidiEvent(0, smf.META, bytes([meter[0], meter[1].bit_length() - 1, 24, 8]), smf.TIME_SIGNATURE)
    events = []
    for onset, end, pitch in notes:
        events.append(smf.MidiEvent(round(onset * ticks), 0x90, bytes([pitch, 90])))
        events.append(smf.MidiEvent(round(end * ticks), 0x80, bytes([pitch, 0])))
    return smf.MidiFile(ticks, ((head, *events),))


def test_played_notes_move_to_sixteenths_and_triplets():
    tune = tune_of_midi(
        played(
            [
                (0.02, 0.95, 60),
                (1.01, 1.3, 62),
                (1.35, 1.6, 64),
                (1.66, 1.95, 65),
                (2.03, 2.4, 67),
                (2.48, 4.0, 69),
            ]
        )
    )
    assert [note.duration for note in tune.bars[0].notes] == [
        Fraction(1, 4), *[Fraction(1, 12)] * 3, Fraction(1, 8), Fraction(3, 8),
    ]  # fmt: skip


def test_notes_over_a_bar_line_are_tied_and_silences_are_rests():
    tune = tune_of_midi(played([(0, 2, 60), (3, 5, 62), (7, 8, 64)]))
    assert [[(bool(n.pitches), n.duration, n.tie) for n in bar.notes] for bar in tune.bars] == [
        [(True, Fraction(1, 2), False), (False, Fraction(1, 4), False), (True, Fraction(1, 4), True)],
        [(True, Fraction(1, 4), False), (False, Fraction(1, 2), False), (True, Fraction(1, 4), False)],
    ]


def test_the_melody_is_taken_from_the_voice_that_is_most_like_one():
    melody = played([(beat, beat + 1, 72 + beat) for beat in range(4)]).tracks[0]
    chords = played([(beat, beat + 1, pitch) for beat in range(4) for pitch in (48, 52, 55)]).tracks[0]
    drums = tuple(
        smf.MidiEvent(event.tick, event.status | 9, event.data)
        for event in melody
        if event.status != smf.META
    )
    tune = tune_of_midi(smf.MidiFile(480, (chords, drums, melody)))
    assert [note.pitches[0].midi for note in tune.bars[0].notes] == [72, 73, 74, 75]


def test_the_key_is_found_where_the_file_names_none():
    scale = [67, 69, 71, 72, 74, 76, 78, 79, 74, 71, 67]
    tune = tune_of_midi(played([(place, place + 1, pitch) for place, pitch in enumerate(scale)]))
    assert tune.header.key == Key("G")
    assert [p.letter for bar in tune.bars for note in bar.notes for p in note.pitches][6] == "F"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"not a midi file", "begins with b'MThd'"),
        (b"MThd\x00\x00", "cut off"),
        (bytes(range(256)), "begins with b'MThd'"),
        (b"MThd\x00\x00\x00\x06\x00\x03\x00\x01\x01\xe0", "format 3"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x00", "time division"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0", "0 of 1 tracks"),
    ],
)
def test_what_is_no_midi_file_is_refused_by_name_and_place(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "broken.mid"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        read_midi(path)
    assert "broken.mid" in str(caught.value)


def test_a_file_cut_off_anywhere_is_refused():
    data = smf.write_midi_bytes(midi_of_tune(read_tune(JIG)))
    for length in range(len(data)):
        with pytest.raises(ValueError, match="found"):
            smf.read_midi_bytes(data[:length])


def test_a_file_without_notes_is_refused():
    with pytest.raises(ValueError, match="no notes"):
        tune_of_midi(played([]))


def test_damaged_times_do_not_run_for_ever():
    with pytest.raises(ValueError, match="more than 20000 bars"):
        tune_of_midi(played([(0, 1, 60), (250_000, 250_001, 62)]))


def test_bytes_are_read_back_as_written():
    file = midi_of_tune(read_tune(JIG))
    again = smf.read_midi_bytes(smf.write_midi_bytes(file))
    assert again.ticks_per_quarter == file.ticks_per_quarter
    assert [event for event in again.tracks[1] if event.kind != smf.END_OF_TRACK] == list(file.tracks[1])


def test_a_running_status_lasts_over_meta_events_and_a_missing_one_is_refused_by_place():
    head = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 0xE0]) + b"MTrk"
    runs = bytes([0, 0x90, 60, 80, 0, 0xFF, 1, 1, 65, 0x60, 60, 0, 0, 0xFF, 0x2F, 0])
    file = smf.read_midi_bytes(head + len(runs).to_bytes(4, "big") + runs)
    assert smf.note_spans(file.tracks[0]) == {0: [(0, 0x60, 60)]}
    for body, message in (
        (bytes([0, 60, 80]), "a data byte at byte 23 where a MIDI message must begin"),
        (bytes([0, 0x90, 60, 0x81]), "byte 0x81 in the message before byte 26"),
        (bytes([0, 0xF1, 0]), "byte 0xf1 at byte 23"),
        (bytes([0, 0x90, 60]), "inside an event"),
        (bytes([0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), "a number longer than 4 bytes"),
    ):
        with pytest.raises(ValueError, match=message):
            smf.read_midi_bytes(head + len(body).to_bytes(4, "big") + body)


def test_the_tracks_of_a_file_of_format_2_are_pieces_of_their_own():
    three = midi_of_tune(read_tune("X:1\nT:t\nM:3/4\nL:1/4\nK:C\nc3|d3|e3|\n"))
    four = midi_of_tune(read_tune("X:1\nT:t\nM:4/4\nL:1/4\nK:C\nC4|\n"))
    tracks = tuple(tuple(event for track in file.tracks for event in track) for file in (four, three))
    tune = tune_of_midi(smf.MidiFile(480, tracks, 2))
    assert (tune.header.meter, len(tune.bars)) == (Meter(3, 4), 3)


def test_voices_overlays_and_programs_have_tracks_and_events_of_their_own():
    text = "X:1\nT:t\nM:4/4\nL:1/4\n%%MIDI program 73\nV:1\nV:2 clef=bass transpose=-12\nK:C\n"
    tune = read_tune(text + "V:1\nc4 & C2 [E2G4]|d4|\nV:2\n%%MIDI program 32\n|:C4:|\n")
    file = midi_of_tune(tune)
    spans = [smf.note_spans(track) for track in file.tracks[1:]]
    assert spans == [
        {0: [(0, 1920, 72), (1920, 3840, 74)]},
        {0: [(0, 960, 60), (960, 1920, 64), (960, 2880, 67)]},
        {1: [(0, 1920, 48), (1920, 3840, 48)]},
    ]
    programs = [event.data[0] for track in file.tracks for event in track if event.status >> 4 == 0xC]
    assert programs == [73, 73, 32, 32]
