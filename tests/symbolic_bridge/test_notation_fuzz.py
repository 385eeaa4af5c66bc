"""Whatever stands in a notation file: it is soon read or refused with one ValueError, and what was read can be written.

As a script, mutated real tunes in any number, with the seed of each fault:

    python tests/symbolic_bridge/test_notation_fuzz.py tunes.jsonl --count 200000
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbolic_bridge.abc_encoding import text_of_bytes
from symbolic_bridge.abc_reader import read_tune
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.midi import midi_of_tune, tune_of_midi
from symbolic_bridge.midi_file import read_midi_bytes, write_midi_bytes
from symbolic_bridge.musicxml import musicxml_of_tune, tune_of_musicxml

JIG = """X:1
T:A Jig to Damage
M:6/8
Q:3/8=110
L:1/8
R:jig
K:Ador
e/d/|:"Am"cAA ~eAA|{g}cAA efg|d2B GBd|1 edc BAG:|2 A>BA (3ABc- c2||
[K:G]B|c2A B2G & E6|[CEG]3 !trill!D3|z3 ^F_B=e|A3- A3|]
"""
BAND = """X:2
T:For Two
C:Trad.
U:T = !turn!
m:~n2 = {p}n{m}n
%%MIDI program 73
P:AAB
V:1 clef=treble name="Fiddle"
V:2 clef=bass octave=-1
M:C|
L:1/4
K:D exp ^f =c
V:1
P:A
[M:2/2]d2 ~f2|T[a2f4] {/g2a}f>e|.d.-d y .(e f)|z4|Z2|
w: some words un-der_ the * notes
P:B
"^slow"[Q:1/2=60]D4::E3F::|
V:2
D4|A4|D4|D4|X2| % as it stands
[I:MIDI program 32]D4:|A4:|
W:Once upon a time
"""
PIECES = (
    "X:3\n", "T:t\n", "K:", "K:C\n", "M:none\n", "M:2+3/8\n", "L:1/512\n", "L:64\n", "Q:1/4=\n", "P:A(BC)9\n",
    "V:2\n", "[V:9]", "m:~n=n{n}n\n", "U:Z=!x!\n", "w:a-b_ *~\\-\n", "s:!f!*\"C\"\n", "+:more\n",
    "I:propagate-accidentals not\n", "%%begintext\n", "%%endtext\n", "%", "|:", "::|", ":|", "|]", "[|]", ".|",
    "[1,3", "|2", "&", "&&&", "(3", "(9:64:64", "(", ")", "{", "}", "{/", "[", "]", "-", ".-", ">", "<<<",
    "/" * 40, "9" * 30, "0", "/0", ",,,,,,", "''''''", "^^", "__", "=", "Z9999", "x", "y2", "!", "!a|b!", "+c+",
    '"', '"Am"', '"&#0;\\u0041%"', "\\", "\\\n", "\n", "\n\n", "\r", "\x00", "\ufeff", "\ufffd", "\ud800", "é",
    "𝄞", "&amp;&lt;", "[K:clef=bass]", "[K:D transpose=-99]", "[M:C|]", "[r:note]", "=20\n", "```\n", "$", "`",
    "*",
)  # fmt: skip
# Seconds of processor time that reading, writing and reading again may take, and more for each character.
LIMIT, LIMIT_A_CHARACTER = 2.0, 5e-4


def mutated(rng: random.Random, text: str, others: list[str]) -> str:
    """A text with one to eight random changes."""
    for _ in range(rng.randint(1, 8)):
        first, second = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        second = min(second, first + rng.choice((1, 3, 40, 400)))
        kind = rng.randrange(7)
        if kind == 0:
            text = text[:first] + text[second:]
        elif kind == 1:
            text = text[:first] + rng.choice(PIECES) + text[first:]
        elif kind == 2:
            text = text[:second] + text[first:second] * rng.choice((1, 2, 30)) + text[second:]
        elif kind == 3:
            text = (
                text[:first]
                + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x3000))))
                + text[second:]
            )
        elif kind == 4:
            other = rng.choice(others)
            start = rng.randint(0, len(other))
            text = text[:first] + other[start : start + rng.choice((5, 100))] + text[first:]
        elif kind == 5:
            text = text[:first] + text[first:second][::-1] + text[second:]
        else:
            text = text[:first] + rng.choice(PIECES) * rng.choice((2, 50)) + text[second:]
    return text[:5_000]


def check_abc(text: str) -> bool:
    """Read, write, read again; whether it was a tune.

    Raises:
        AssertionError: what was written reads otherwise, or it took too long.
    """
    begun = time.process_time()
    try:
        tune = read_tune(text)
    except AbcSyntaxError:
        return False
    written = tune.to_abc()
    again = read_tune(written)
    assert again == tune, f"written as {written!r}"
    assert again.to_abc() == written
    try:
        read_midi_bytes(write_midi_bytes(midi_of_tune(tune)))
    except ValueError as error:
        if "notes end at 0 and 127" not in str(error):
            raise
    spent = time.process_time() - begun
    assert spent < LIMIT + LIMIT_A_CHARACTER * len(text), f"took {spent:.1f} s"
    return True


def check_bytes(data: bytes) -> None:
    """Read bytes as every kind of file."""
    for read in (
        lambda: read_tune(text_of_bytes(data)),
        lambda: tune_of_midi(read_midi_bytes(data)),
        lambda: tune_of_musicxml(data),
    ):
        try:
            tune = read()
        except ValueError:
            continue
        assert tune.bars


def changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Bytes with one to eight random changes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(changed))
        if rng.random() < 0.6:
            changed[place] = rng.choice((0, 0x7F, 0x80, 0x90, 0xF0, 0xFF, rng.randrange(256)))
        else:
            changed[place : place + rng.choice((0, 1, 9))] = rng.randbytes(rng.choice((0, 1, 4)))
        if not changed:
            break
    return bytes(changed)


def run(tunes: list[str], count: int, seed: int) -> list[str]:
    """Check `count` mutated inputs; what went wrong, with the seed that makes it again."""
    faults = []
    files: dict[str, list[bytes]] = {}
    for number in range(seed, seed + count):
        rng = random.Random(number)
        source = rng.choice(tunes)
        try:
            if number % 5:
                check_abc(mutated(rng, source, tunes))
            else:
                if source not in files:
                    tune = read_tune(source)
                    files[source] = [
                        write_midi_bytes(midi_of_tune(tune)), musicxml_of_tune(tune), source.encode("utf-16"),
                    ]  # fmt: skip
                check_bytes(changed_bytes(rng, rng.choice(files[source])))
        except Exception as error:
            faults.append(f"seed {number}: {type(error).__name__}: {str(error)[:300]}")
    return faults


def test_two_thousand_mutated_tunes_are_read_or_refused():
    assert run([JIG, BAND], 2000, 0) == []


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(list("abcABCz|2/ "))), max_size=80))
def test_any_pieces_of_music_code_are_read_or_refused(pieces: list[str]):
    check_abc("X:1\nT:t\nM:4/4\nL:1/8\nK:D\nAB" + "".join(pieces) + "\n")


@settings(max_examples=200, deadline=None, database=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str):
    check_abc(text)
    check_abc("X:1\nK:C\nC" + text)


@settings(max_examples=200, deadline=None, database=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes):
    check_bytes(data)
    check_bytes(b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk" + len(data).to_bytes(4, "big") + data)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 20_000, "(" * 20_000, "{" * 20_000, '"' * 20_000, "[K:" * 10_000, "(9:64:64" * 3_000,
        "&" * 20_000, "A&B" * 6_000, "A/1021B/1019c/1013" * 1_000, "A" + "9" * 20_000, "A" + "/" * 20_000,
        "Z9999|" * 50, "!" * 20_000, "|:A:" * 6_000, "[1" * 10_000, "A-" * 10_000, "%%begintext\n" * 2_000,
        "w:" + "a-" * 10_000, "+:a\n" * 6_000, "P:A\nA|" * 3_000, "A\\\n" * 6_000,
        "U:T=!" + "a" * 10_000 + "!\n", "[V:1]A" * 4_000, "K:" + "^c" * 6_000 + "\n",
        "m:A=BBBBBBBBBBBBBBBBBBBB\n" + "A" * 5_000, "s:" + "!" * 10_000 + "\n", "Q:" + "1/4 " * 5_000 + "\n",
        "::" * 10_000, "_" * 20_000, "A>" * 10_000, "1,2-" * 5_000, "[A" * 6_000, " :" * 10_000,
        "| " * 10_000, "A=20\n" * 3_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_hostile_lines_take_seconds(body: str):
    begun = time.process_time()
    for text in (f"X:1\nT:t\nM:4/4\nL:1/8\nK:D\nAB{body}\nc|\n", f"X:1\nT:t\n{body}\nK:D\nc|\n"):
        with suppress(AbcSyntaxError):
            read_tune(text)
    assert time.process_time() - begun < 10


def main() -> int:
    """Check mutations of the tunes of a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tunes", type=Path, help="JSON lines, the tune under 'abc'")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    lines = chosen.tunes.read_text(encoding="utf-8").splitlines()
    faults = run([JIG, BAND, *(json.loads(line)["abc"] for line in lines)], chosen.count, chosen.seed)
    print("\n".join([*faults, f"{chosen.count} inputs, {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
