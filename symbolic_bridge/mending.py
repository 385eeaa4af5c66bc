"""What a reader does with a fault: mend it and say so, or refuse it."""

from __future__ import annotations

from symbolic_bridge.errors import AbcSyntaxError


class Mender:
    """Collects what was mended; in strict mode the first fault raises."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self.warnings: list[str] = []

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
        self.warnings.append(str(AbcSyntaxError(line, column, found, allowed)))
