"""What is installed and shipped: the facts of `audiogen info`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
from pathlib import Path
from typing import Any

from audiogen.version import VERSION

# Extra of the package: the module whose presence shows that it is installed.
EXTRAS = {
    "soundfont": "fluidsynth",
    "corpus": "music21",
    "sheet": "verovio",
    "codecs": "transformers",
    "musicgen": "transformers",
    "llm": "openai",
    "evaluate": "visqol",
}
LIBRARIES = ("torch", "torchaudio", "numpy", "soundfile", "librosa", "encodec", "safetensors")


def gather() -> dict[str, Any]:
    """Versions, shipped weights, extras, and the instruments and kinds of tune that are known."""
    import torch

    from symbolic_bridge.instruments import ACCOMPANIMENTS, LEADS
    from symbolic_bridge.kinds import KINDS

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "devices": devices,
        "weights": {path.name: describe_weights(path) for path in shipped_weights()},
        "extras": {
            extra: "installed" if importlib.util.find_spec(module) else f'pip install "audiogen[{extra}]"'
            for extra, module in EXTRAS.items()
        },
        "instruments": list(LEADS),
        "accompaniments": list(ACCOMPANIMENTS),
        "kinds": list(KINDS),
    }


def shipped_weights() -> list[Path]:
    """Every file of weights inside the packages, in order."""
    here = Path(__file__).parent
    folders = (here.parent / "codec" / "weights", here / "weights")
    return sorted(path for folder in folders for path in folder.glob("*.safetensors"))


def describe_weights(path: Path) -> str:
    """Size of a file of weights and the configuration beside it, on one line."""
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return size
    facts = json.loads(beside.read_text(encoding="utf-8"))
    return f"{size}, {facts.get('format', 'unknown format')} version {facts.get('version', '?')}"
