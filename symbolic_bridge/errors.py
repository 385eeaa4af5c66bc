"""The error of the symbolic side: a place in ABC text that cannot be read."""

from __future__ import annotations


class AbcSyntaxError(ValueError):
    """ABC text that cannot be read.

    `line` and `column` count from 1; `text` is what was found there, `allowed` what may stand there.
    """

    def __init__(self, line: int, column: int, text: str, allowed: str) -> None:
        self.line = line
        self.column = column
        self.text = text
        self.allowed = allowed
        found = repr(text) if len(text) <= 40 else repr(text[:37] + "...")
        super().__init__(f"line {line}, column {column}: found {found}, allowed {allowed}")

    def __reduce__(self) -> tuple[type[AbcSyntaxError], tuple[int, int, str, str]]:
        # The message is built from four values, so copying between processes needs them back.
        return (type(self), (self.line, self.column, self.text, self.allowed))
