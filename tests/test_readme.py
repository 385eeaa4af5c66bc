"""The README keeps its promises. `.ci/run` runs its two shell commands; here is the rest."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import soundfile

from audiogen.cli import run
from audiogen.version import VERSION

ROOT = Path(__file__).parents[1]


def blocks(language: str) -> list[str]:
    """As in readme_blocks.py, which `.ci/run` calls without anything installed."""
    spec = importlib.util.spec_from_file_location("readme_blocks", ROOT / "tests" / "readme_blocks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.blocks(language)


@pytest.mark.slow
def test_the_python_block_runs_on_the_shipped_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = blocks("python")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert soundfile.info(tmp_path / "air.wav").duration > 5
    assert soundfile.info(tmp_path / "higher.flac").duration > 5


def test_the_two_commands_set_up_and_run() -> None:
    first, second = blocks("sh")
    assert first.count("\n") == second.count("\n") == 1
    assert "pip install . && audiogen generate" in first
    assert second.rstrip().endswith("pytest")


def test_every_command_of_the_table_exists(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `audiogen (.*?)` \|", text, re.MULTILINE)
    assert len(rows) >= 8
    for row in rows:
        command = re.match(r"[a-z]+(?: (?:convert|roundtrip|build|codec|gate)\b)?", row)
        assert command is not None
        assert run([*command.group().split(), "--help"]) == 0
        assert "Usage: audiogen" in capsys.readouterr().out


def test_every_link_of_the_documents_leads_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{document.name}: {link}"
        for document in documents
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]
    assert not broken


def test_every_file_of_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text[text.index("## What is in which file") :]
    missing = []
    for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", row):
            folder = name.rpartition("/")[0] or folder
            pattern = name if "/" in name else f"{folder}/{name}"
            if not list(ROOT.glob(pattern)):
                missing.append(pattern)
    assert not missing


def test_the_version_is_said_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
