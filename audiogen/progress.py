"""How long work tells how far it is; whoever starts it decides what is shown (`cli.console` draws bars)."""

from __future__ import annotations

from collections.abc import Callable

# A stage's name and how much of it is done, 0 ... 1.
Progress = Callable[[str, float], None]
