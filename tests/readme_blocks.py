"""The code blocks of README.md: `python tests/readme_blocks.py LANGUAGE NUMBER` prints one."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    """The blocks of one language, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


if __name__ == "__main__":
    print(blocks(sys.argv[1])[int(sys.argv[2])], end="")
