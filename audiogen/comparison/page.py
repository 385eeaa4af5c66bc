"""Building blocks of our HTML pages: one file each, no scripts but our own, and nothing unescaped.

Everything that comes from a prompt, a tune or a language model goes through `text`. Pictures and sounds are data
URLs; sheet music is an <img>, in which nothing of an SVG can run. The page's own policy forbids all else.
"""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Iterable
from pathlib import Path

from codec.audio_files import write_audio
from codec.types import Waveform

STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #666; --line: #ddd; --ground: #fafaf7; --accent: #1f4e79; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .3rem; } h3 { font-size: 1rem; margin: 0; }
p, ul { margin: .4rem 0; } .soft { color: var(--soft); font-size: .9rem; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.card { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; min-width: 0; }
.card img { width: 100%; height: auto; display: block; margin: .4rem 0; background: #fff; }
audio { width: 100%; margin: .4rem 0; } pre { overflow-x: auto; font-size: .8rem; white-space: pre; }
.wide { overflow-x: auto; border: 1px solid var(--line); background: #fff; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9rem; }
th { background: #f1f1ec; } .family td { background: #f7f7f3; font-weight: 600; }
summary { cursor: pointer; color: var(--accent); min-height: 1.8rem; } .error { color: #a11; }
button, select, input { font: inherit; padding: .5rem .9rem; min-height: 2.6rem; }
"""
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def text(value: object) -> str:
    """A value as HTML text, safe in an attribute too."""
    return html.escape(str(value), quote=True)


def data_url(kind: str, data: bytes) -> str:
    """Bytes as a data URL of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def document(title: str, body: str, script: str = "") -> str:
    """A whole page; `script` is ours, and nothing else may run."""
    policy = POLICY + ("; script-src 'unsafe-inline'" if script else "")
    tail = f"<script>\n{script}\n</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Without this a browser asks the server, or the disk, for an icon.
        '<link rel="icon" href="data:image/png;base64,">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n{tail}</body>\n</html>\n"
    )


def audio(waveform: Waveform, label: str) -> str:
    """A player of a sound; MP3, which every browser plays and which keeps a page small."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp3"
        write_audio(path, waveform)
        data = path.read_bytes()
    source = data_url("audio/mpeg", data)
    return f'<audio controls preload="metadata" aria-label="{text(label)}" src="{source}"></audio>'


def image(data: bytes, kind: str, label: str) -> str:
    """A picture."""
    return f'<img alt="{text(label)}" src="{data_url(kind, data)}">'


def bullets(items: Iterable[str]) -> str:
    """A list, "" for none."""
    rows = "".join(f"<li>{text(item)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def table(columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """A table of escaped cells that scrolls sideways by itself; each row is (CSS class, cells)."""
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    body = "".join(
        f'<tr class="{text(kind)}">{"".join(f"<td>{text(cell)}</td>" for cell in cells)}</tr>'
        for kind, cells in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
