"""Rules of the MusicXML that we write."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree as ET

import mido
import pytest
import verovio

from symbolic_bridge.musicxml import musicxml_of_tune
from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

TUNE = """X:1
T:Everything
R:jig
C:Trad.
M:6/8
L:1/8
Q:"Lively" 3/8=110
K:Edor
P:A
D|:"Em7"~E3 {g}B2A|"D/F#"(3ABc d (e2A)|.B"^slow"c!f!d "G7b9"e2-e|1 e>fg d2D:|2 g3 !fermata!e2||
P:B
[K:D =c][M:9/8][Q:3/8=100]|:d2e fed TB2A|[DA]3- [DA]2z ^c=c_B- |B3 !D.C.!d5 !4!u.e|!segno!c9 | c5 z4:|
"""
# Children in the order of the schema of MusicXML 4.0, those that we write.
ORDERS = {
    "score-partwise": "work identification credit part-list part",
    "credit": "credit-type credit-words",
    "identification": "creator encoding miscellaneous",
    "attributes": "divisions key time clef",
    "key": "fifths mode",
    "time": "beats beat-type",
    "direction": "direction-type sound",
    "metronome": "beat-unit beat-unit-dot per-minute",
    "harmony": "root kind bass degree",
    "degree": "degree-value degree-alter degree-type",
    "barline": "bar-style ending repeat",
    "note": "grace chord pitch rest duration tie voice type dot accidental time-modification beam notations",
    "pitch": "step alter octave",
    "time-modification": "actual-notes normal-notes",
}


@pytest.fixture(scope="module")
def score() -> ET.Element:
    return ET.fromstring(musicxml_of_tune(Tune.from_abc(TUNE)))


def test_children_stand_in_the_order_of_the_schema(score: ET.Element) -> None:
    seen = set()
    for element in score.iter():
        if element.tag in ORDERS and not element.find("key-step") is not None:
            order = ORDERS[element.tag].split()
            places = [order.index(child.tag) for child in element]
            assert places == sorted(places), ET.tostring(element)
            seen.add(element.tag)
    assert seen == set(ORDERS)


def test_every_duration_is_what_type_dots_and_tuplet_say(score: ET.Element) -> None:
    divisions = int(score.findtext(".//divisions", ""))
    quarters = {"whole": 4, "half": 2, "quarter": 1, "eighth": 0.5, "16th": 0.25}
    for note in score.iter("note"):
        if note.find("grace") is None:
            dots = len(note.findall("dot"))
            actual, normal = (
                int(note.findtext(f"time-modification/{side}-notes", "1")) for side in ("actual", "normal")
            )
            written = quarters[note.findtext("type", "")] * (2 - 0.5**dots) * normal / actual
            assert int(note.findtext("duration", "")) == written * divisions


def test_what_starts_also_stops(score: ET.Element) -> None:
    for tag in ("slur", "tied", "tuplet"):
        kinds = [mark.get("type") for mark in score.iter(tag)]
        assert kinds.count("start") == kinds.count("stop") > 0, tag
    states = [beam.text for beam in score.iter("beam")]
    assert states.count("begin") == states.count("end") > 0


def test_a_pickup_is_measure_0_and_implicit(score: ET.Element) -> None:
    measures = score.findall("part/measure")
    assert [measure.get("number") for measure in measures[:3]] == ["0", "1", "2"]
    assert [measure.get("implicit") for measure in measures[:2]] == ["yes", None]


def test_an_ending_without_a_sign_behind_it_is_left_open() -> None:
    text = "X:1\nT:t\nM:4/4\nL:1/4\nK:C\n|:C4|1D4:|2E4|F4|\n"
    score = ET.fromstring(musicxml_of_tune(Tune.from_abc(text)))
    assert [(e.get("number"), e.get("type")) for e in score.iter("ending")] == [
        ("1", "start"), ("1", "stop"), ("2", "start"), ("2", "discontinue"),
    ]  # fmt: skip


def test_accidentals_are_written_where_the_key_does_not_say_them() -> None:
    text = "X:1\nT:t\nM:4/4\nL:1/4\nK:D\nf ^g g =g|f4-|f4|]\n"
    score = ET.fromstring(musicxml_of_tune(Tune.from_abc(text)))
    marks = [note.findtext("accidental") for note in score.iter("note")]
    assert marks == [None, "sharp", None, "natural", None, None]


def test_the_same_tune_gives_the_same_bytes() -> None:
    assert musicxml_of_tune(Tune.from_abc(TUNE)) == musicxml_of_tune(Tune.from_abc(TUNE))


def test_another_reader_plays_the_same_notes() -> None:
    # It plays graces, and goes back at a D.C.
    tune = Tune.from_abc(TUNE.replace("{g}", "").replace("!D.C.!", "")).unfold()
    toolkit = verovio.toolkit()
    assert toolkit.loadData(musicxml_of_tune(tune).decode())
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    found = []
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                found.append((now / file.ticks_per_beat / 4, message.note))
    wanted = [(float(note.start), pitch) for note in timed_notes(tune) for pitch in sorted(note.pitches)]
    assert [pitch for _, pitch in sorted(found)] == [pitch for _, pitch in wanted]
    assert [start for start, _ in sorted(found)] == pytest.approx([start for start, _ in wanted], abs=0.005)
