"""Who may import whom: audiogen -> codec, audiogen -> symbolic_bridge, and no other arrow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"codec", "symbolic_bridge", "audiogen"}
ALLOWED = {"codec": {"codec"}, "symbolic_bridge": {"symbolic_bridge"}, "audiogen": PACKAGES}
# symbolic_bridge is plain Python and NumPy, so that it can be used where there is no torch.
BRIDGE_WITH_TORCH = {"conditioner.py"}
HEAVY = {"torch", "torchaudio", "librosa", "soundfile", "encodec", "safetensors"}


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere in it, lazily or for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the package"
            found.add((node.module or "").split(".")[0])
    return found


def sources(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no files"
    return files


def test_packages_import_only_along_the_arrows() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {', '.join(sorted(extra))}"
        for package in sorted(PACKAGES)
        for path in sources(package)
        if (extra := (imported(path) & PACKAGES) - ALLOWED[package])
    ]
    assert not wrong


def test_nothing_but_the_command_line_imports_the_command_line() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in sources("audiogen")
        if path.parent.name != "cli"
        and path.name != "__main__.py"
        and re.search(r"audiogen\.cli\b", path.read_text(encoding="utf-8"))
    ]
    assert not wrong


def test_the_bridge_is_plain_python_and_numpy() -> None:
    wrong = [
        path.name
        for path in sources("symbolic_bridge")
        if path.name not in BRIDGE_WITH_TORCH and imported(path) & HEAVY
    ]
    assert not wrong


def test_nothing_unpickles() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in sorted(PACKAGES)
        for path in sources(package)
        if imported(path) & {"pickle", "shelve", "dill", "joblib"}
        or "torch.load(" in path.read_text(encoding="utf-8")
    ]
    assert not wrong


def test_the_command_line_imports_nothing_heavy() -> None:
    program = (
        "import sys, audiogen, audiogen.cli; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not (set(done.stdout.split()) & (HEAVY | {"numpy"}))
