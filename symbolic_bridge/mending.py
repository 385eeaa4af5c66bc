"""What a reader does with a fault: mend it and say so, or refuse it."""

from __future__ import annotations

from symbolic_bridge.errors import AbcSyntaxError

# A megabyte of noise must not become a million messages.
MOST_MESSAGES = 500


class Mender:
    """Collects what was mended and what was kept as it stood; in strict mode the first fault raises."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._warnings: list[str] = []
        self._kept: list[str] = []
        self._more_warnings = 0
        self._more_kept = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was mended, one message each, with the number of those above `MOST_MESSAGES`."""
        return _with_rest(self._warnings, self._more_warnings)

    @property
    def kept(self) -> tuple[str, ...]:
        """What was kept without being interpreted, likewise."""
        return _with_rest(self._kept, self._more_kept)

    def mend(self, line: int, column: int, found: str, allowed: str) -> None:
        """Note a fault at a place (from 1).

        Raises:
            AbcSyntaxError: the reading is strict.
        """
        if self._strict:
            raise AbcSyntaxError(line, column, found, allowed)
        self.remark(line, column, found, allowed)

    def remark(self, line: int, column: int, found: str, allowed: str) -> None:
        """Note what is odd at a place but can be played as it stands; strict readings take it too."""
        if len(self._warnings) < MOST_MESSAGES:
            self._warnings.append(str(AbcSyntaxError(line, column, found, allowed)))
        else:
            self._more_warnings += 1

    def keep(self, line: int, column: int, text: str) -> None:
        """Note a construct that is kept as it stands, since nothing here interprets it."""
        if len(self._kept) < MOST_MESSAGES:
            self._kept.append(f"line {line}, column {column}: kept {text[:80]!r}")
        else:
            self._more_kept += 1


def _with_rest(messages: list[str], more: int) -> tuple[str, ...]:
    return (*messages, f"and {more} more") if more else tuple(messages)
