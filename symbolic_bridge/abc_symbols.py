"""Tables of marks: decorations and their short signs, what a chord symbol looks like, how long tuplets are."""

from __future__ import annotations

import re

SHORT_DECORATIONS = {
    "~": "roll", ".": "staccato", "H": "fermata", "J": "slide", "L": "accent", "M": "lowermordent", "O": "coda",
    "P": "uppermordent", "R": "roll", "S": "segno", "T": "trill", "u": "upbow", "v": "downbow",
}  # fmt: skip
# Other names of the same marks in !...!.
DECORATION_SYNONYMS = {
    ">": "accent", "emphasis": "accent", "mordent": "lowermordent", "pralltriller": "uppermordent", "tr": "trill",
    "~": "roll", ".": "staccato",
}  # fmt: skip
# No digit may stand behind a number, or a run of digits could be cut in countless ways.
CHORD_SYMBOL = re.compile(
    r"[A-G][#b♯♭]?(?:maj|min|dim|aug|sus|add|mi|ma|m|M|o|°|ø|[+^-]|[#b♯♭]?\d+(?!\d)|\([#b+-]?\d+\))*"
    r"(?:/[A-Ga-g][#b♯♭]?)?"
)
USER_SYMBOL = re.compile(r"\s*([~H-Wh-w])\s*=\s*[!+]([^\s!+|:\"]+)[!+]\s*$")
# Notes of a tuplet and the time they take, where the meter has no say.
TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
MOST_TUPLET_NOTES = 64
