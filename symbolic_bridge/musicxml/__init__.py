"""Tunes to and from MusicXML 4.0, the notation that other programs exchange.

from symbolic_bridge.musicxml import read_musicxml, write_musicxml
write_musicxml(tune, "kesh.musicxml")
"""

from symbolic_bridge.musicxml.files import musicxml_bytes, read_musicxml, write_musicxml
from symbolic_bridge.musicxml.reader import tune_of_musicxml
from symbolic_bridge.musicxml.writer import musicxml_of_tune

__all__ = ["musicxml_bytes", "musicxml_of_tune", "read_musicxml", "tune_of_musicxml", "write_musicxml"]
