"""What is said to a language model: the templates for both notations, examples on request, and requests for repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Message = dict[str, str]

ABC, JSON = "abc", "json"
NOTATIONS = (ABC, JSON)

_ABC_TEMPLATE = """You write folk tunes in ABC notation (standard 2.1). Answer with one tune and nothing else: \
no prose, no code fence.

Rules:
- Header lines in this order: X:1, T: (a title), R: (the kind of tune), M: (the meter), L:1/8, Q: (the tempo), \
K: (the key).
- Then the bars. Every bar has exactly the length that M: says; an opening pickup and the last bar of its part make \
one full bar together.
- Repeated parts stand between |: and :|, first and second endings are |1 and :|2.
- Two or more parts of eight bars each, unless something else is asked for. The last note is the tonic.
- Chord symbols in quotation marks where the harmony changes.
- Only what was asked for: its key, its meter, its kind. An original tune, not one that you know."""

_JSON_TEMPLATE = """You write folk tunes as JSON notes. Answer with one JSON object and nothing else:

{"title": "...", "tempo_bpm": 116, "meter": "6/8", "key": "G major", "notes": [{"pitch": "G4", "beats": 0.5}, ...]}

Rules:
- pitch is a note name with its octave, such as F#4 or Bb5 (middle C is C4), or "rest".
- beats counts quarter notes: an eighth is 0.5, a dotted quarter is 1.5. A triplet of eighths is three notes of 0.3333.
- tempo_bpm counts the beats that dancers feel: dotted quarters in 6/8, quarters in 4/4.
- key is a tonic and a mode: "D major", "A dorian". Every accidental is written at its note.
- The notes fill whole bars of the meter; repeats are written out. Two parts of eight bars each, unless something \
else is asked for. The last note is the tonic.
- Only what was asked for: its key, its meter, its kind. An original tune, not one that you know."""

# Written for this file; `audiogen sonify --diagnose` tells when a reply copies one of them.
EXAMPLES: tuple[tuple[str, str, str], ...] = (
    (
        "a lively jig in D major",
        """X:1
T:Rain in Ballinore
R:jig
M:6/8
L:1/8
Q:3/8=116
K:D
|:"D"DFA dAF|"G"GBd "D"AFD|"Em"EFG "A"ABc|"D"d2f "A"edc|
"D"DFA dAF|"G"GBd "D"AFD|"Em"EGF "A"EDC|"D"D3 D3:|
|:"D"faf dfa|"G"bag "D"fdA|"Em"efg "A"ecA|"D"d2e fga|
"D"faf dfa|"G"bag "D"fdA|"Em"gfe "A"cAc|"D"d3 d3:|""",
        '{"title": "Rain in Ballinore", "tempo_bpm": 116, "meter": "6/8", "key": "D major", "notes": ['
        '{"pitch": "D4", "beats": 0.5}, {"pitch": "F#4", "beats": 0.5}, {"pitch": "A4", "beats": 0.5}, '
        '{"pitch": "D5", "beats": 0.5}, {"pitch": "A4", "beats": 0.5}, {"pitch": "F#4", "beats": 0.5}, '
        '{"pitch": "E4", "beats": 0.5}, {"pitch": "G4", "beats": 0.5}, {"pitch": "E4", "beats": 0.5}, '
        '{"pitch": "D4", "beats": 1.5}]}',
    ),
    (
        "a slow waltz in G",
        """X:1
T:The Last Ferry
R:waltz
M:3/4
L:1/8
Q:1/4=96
K:G
D2|:"G"G4 B2|"G"d4 B2|"C"e3 d c2|"G"B4 D2|
"G"G4 B2|"D"A4 F2|"C"E2 F2 "D"A2|"G"G4 D2:|
|:"G"d4 g2|"Em"g4 e2|"C"e3 d c2|"G"d4 B2|
"C"c3 B A2|"G"B4 G2|"D"A2 G2 F2|"G"G6:|""",
        '{"title": "The Last Ferry", "tempo_bpm": 96, "meter": "3/4", "key": "G major", "notes": ['
        '{"pitch": "G4", "beats": 2}, {"pitch": "B4", "beats": 1}, {"pitch": "D5", "beats": 2}, '
        '{"pitch": "B4", "beats": 1}, {"pitch": "A4", "beats": 1.5}, {"pitch": "G4", "beats": 0.5}, '
        '{"pitch": "F#4", "beats": 1}, {"pitch": "G4", "beats": 3}]}',
    ),
)

# What servers with structured output are asked to hold the reply to.
_NUMBER, _STRING = {"type": "number"}, {"type": "string"}
JSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "tempo_bpm", "meter", "key", "notes"],
    "properties": {
        "title": _STRING,
        "tempo_bpm": _NUMBER,
        "meter": _STRING,
        "key": _STRING,
        "notes": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["pitch", "beats"],
                "properties": {"pitch": _STRING, "beats": _NUMBER},
            },
        },
    },
}


def opening_messages(prompt: str, notation: str, examples: int = 0) -> list[Message]:
    """The talk up to the model's first answer.

    Args:
        prompt: what to write, in any words.
        notation: ABC or JSON.
        examples: how many of EXAMPLES to show first.

    Raises:
        ValueError: an unknown notation, or more examples than there are.
    """
    if notation not in NOTATIONS:
        raise ValueError(f"notation {notation!r} is not one of {', '.join(NOTATIONS)}")
    if not 0 <= examples <= len(EXAMPLES):
        raise ValueError(f"{examples} examples: 0 to {len(EXAMPLES)} are there")
    messages = [{"role": "system", "content": _ABC_TEMPLATE if notation == ABC else _JSON_TEMPLATE}]
    for asked, abc, notes in EXAMPLES[:examples]:
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": abc if notation == ABC else notes})
    return [*messages, {"role": "user", "content": prompt}]


def repair_messages(reply: str, fault: str, notation: str) -> list[Message]:
    """The model's faulty answer and what to do about it."""
    what = "ABC" if notation == ABC else "JSON"
    asked = (
        f"That could not be read as {what}: {fault}. Write the whole tune again with this mended, as {what} and "
        "nothing else."
    )
    return [{"role": "assistant", "content": reply}, {"role": "user", "content": asked}]


def response_format(notation: str) -> dict[str, Any] | None:
    """The structured output to ask for; None for ABC, which no schema describes."""
    if notation != JSON:
        return None
    return {"type": "json_schema", "json_schema": {"name": "tune", "strict": True, "schema": JSON_SCHEMA}}


def example_tunes(count: int) -> Sequence[str]:
    """The ABC of the first examples."""
    return [abc for _, abc, _ in EXAMPLES[:count]]
