"""Sheet music: a tune engraved as one SVG picture by Verovio (extra `sheet`), which reads our MusicXML."""

from __future__ import annotations

import importlib.util

from symbolic_bridge.musicxml import musicxml_of_tune
from symbolic_bridge.tune import Tune

HINT = "sheet music needs Verovio: pip install 'audiogen[sheet]'"
# Verovio counts in tenths of a millimetre: the width of A4, and the tallest page that it draws.
PAGE_WIDTH, MOST_HEIGHT = 2100, 60000
OPTIONS = {
    "pageWidth": PAGE_WIDTH,
    "pageHeight": MOST_HEIGHT,
    # One page as long as the tune.
    "adjustPageHeight": True,
    "breaks": "auto",
    "header": "auto",
    "footer": "none",
    "scale": 50,
    "svgViewBox": True,
    # The names of its elements are drawn at random; a seed makes the same tune the same file.
    "xmlIdSeed": 1,
}


def check_engraver() -> None:
    """Refuse to begin where nothing can engrave.

    Raises:
        ValueError: Verovio is not installed; the message says how to get it.
    """
    if importlib.util.find_spec("verovio") is None:
        raise ValueError(HINT)


def sheet_music(tune: Tune) -> str:
    """The tune as an SVG document: as written, with repeats, endings, chord symbols, graces and decorations.

    Raises:
        ValueError: Verovio is not installed, or the tune is too long for one page.
    """
    check_engraver()
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(OPTIONS)
    if not toolkit.loadData(musicxml_of_tune(tune).decode()):
        raise ValueError(f"Verovio does not draw {tune.header.title!r}")
    pages = toolkit.getPageCount()
    if pages != 1:
        raise ValueError(f"{tune.header.title!r} takes {pages} pages; one SVG holds one page")
    return toolkit.renderToSVG(1)
