"""Whatever is done to a MusicXML file: a tune that can be written again, or one line that says why not."""

from __future__ import annotations

import random
import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbolic_bridge.musicxml import musicxml_of_tune, tune_of_musicxml
from symbolic_bridge.tune import Tune

WHOLE = musicxml_of_tune(
    Tune.from_abc(
        "X:1\nT:t\nM:6/8\nL:1/8\nQ:3/8=100\nK:Edor\n"
        'D|:"Em"~E3 {g}B2A|(3ABc d (e2A)|1 [eg]2z .e3-:|2 e5 !f!d||[K:D][M:9/8][Q:3/8=90]P:B\nd9|]\n'
    )
)
TEXTS = (
    "",
    "0",
    "1",
    "4",
    "C",
    "G",
    "-3",
    "1/0",
    "nan",
    "start",
    "half",
    "9" * 30,
    "major",
    "²",
    "1e9",
    "0.5",
)
TAGS = (
    "note", "pitch", "step", "octave", "alter", "duration", "chord", "rest", "grace", "cue", "voice", "staff", "type",
    "dot", "time-modification", "notations", "slur", "tied", "ornaments", "measure", "attributes", "divisions", "key",
    "fifths", "mode", "key-step", "key-alter", "time", "beats", "beat-type", "direction", "direction-type", "words",
    "wedge", "metronome", "beat-unit", "per-minute", "sound", "harmony", "root", "root-step", "kind", "degree",
    "barline", "bar-style", "repeat", "ending", "backup", "forward", "offset", "lyric", "text", "part",
)  # fmt: skip


def survives(data: bytes) -> bool:
    """Whether a file is read; fails unless the tune can be written again or the error is one line, both at once."""
    begun = time.monotonic()
    read = False
    try:
        tune = tune_of_musicxml(data)
        read = True
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most of these inputs are to be refused, and some are not
        assert len(str(error)) < 300  # noqa: PT017 - as above
    else:
        assert Tune.from_abc(tune.to_abc()).bars
        again = tune_of_musicxml(musicxml_of_tune(tune))
        assert [bar.duration for bar in again.bars] == [bar.duration for bar in tune.bars]
    assert time.monotonic() - begun < 2
    return read


def damage(root: ET.Element, chance: random.Random) -> None:
    """Do something to a random element of a tree."""
    parents = [element for element in root.iter() if len(element)]
    parent = chance.choice(parents)
    child = chance.choice(list(parent))
    action = chance.randrange(6)
    if action == 0:
        parent.remove(child)
    elif action == 1:
        parent.insert(chance.randrange(len(parent) + 1), child)
    elif action == 2:
        other = chance.choice(parents)
        if other not in child.iter():
            other.insert(chance.randrange(len(other) + 1), child)
    elif action == 3:
        child.text = chance.choice(TEXTS)
    elif action == 4:
        child.tag = chance.choice(TAGS)
    elif child.attrib:
        child.attrib[chance.choice(list(child.attrib))] = chance.choice(TEXTS)


@pytest.mark.parametrize("seed", range(10))
def test_damaged_scores_are_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    read = 0
    for _ in range(25):
        root = ET.fromstring(WHOLE)
        for _ in range(chance.randint(1, 6)):
            damage(root, chance)
        read += survives(ET.tostring(root))
    # Neither is everything refused nor everything swallowed.
    assert 5 < read <= 25


def test_cut_and_garbled_bytes_are_read_or_refused() -> None:
    chance = random.Random(0)
    assert not survives(WHOLE[: len(WHOLE) // 2])
    for _ in range(100):
        raw = bytearray(WHOLE)
        for _ in range(chance.randint(1, 3)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        survives(bytes(raw))


def build(tag: str, text: str, inside: list[str]) -> str:
    return f"<{tag} type='{text}' number='{text}' location='left'>{text}{''.join(inside)}</{tag}>"


TREES = st.recursive(
    st.builds(build, st.sampled_from(TAGS), st.sampled_from(TEXTS), st.just([])),
    lambda children: st.builds(
        build, st.sampled_from(TAGS), st.sampled_from(TEXTS), st.lists(children, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TREES, max_size=6))
def test_any_elements_in_any_order_are_read_or_refused(trees: list[str]) -> None:
    note = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
    measure = f"<measure>{note}{''.join(trees)}</measure>"
    survives(f"<score-partwise><part id='P1'>{measure}{measure}</part></score-partwise>".encode())
