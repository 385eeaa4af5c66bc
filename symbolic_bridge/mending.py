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
        error = AbcSyntaxError(line, column, found, allowed)
        if self._strict:
            raise error
        self.warnings.append(str(error))
