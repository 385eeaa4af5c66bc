"""XML of strangers to a tree of plain elements: no entities, no outside files, bounded in size and depth.

Expat is the standard library's parser; what makes XML dangerous is refused where it is declared. A document type that
only names its DTD, as nearly every MusicXML file has, is passed over without being looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 20_000_000
# A note takes about ten elements.
MAX_ELEMENTS = 1_000_000
MAX_DEPTH = 64


@dataclass
class Element:
    """An element with its attributes, its children, the text directly inside it, and the line it begins on."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def __iter__(self) -> Iterator[Element]:
        return iter(self.children)

    def find(self, *path: str) -> Element | None:
        """The first descendant along a path of tags; None where a step is missing."""
        found: Element | None = self
        for tag in path:
            found = next((child for child in found.children if child.tag == tag), None)
            if found is None:
                return None
        return found

    def find_all(self, tag: str) -> list[Element]:
        """The children with a tag."""
        return [child for child in self.children if child.tag == tag]

    def get(self, name: str, default: str = "") -> str:
        """An attribute without the blanks around it."""
        return self.attributes.get(name, default).strip()

    def text_of(self, *path: str) -> str:
        """The text along a path, blanks and line breaks made single spaces; "" where a step is missing."""
        found = self.find(*path)
        return " ".join(found.text.split()) if found else ""


def parse_xml(data: bytes) -> Element:
    """Parse a document.

    Raises:
        ValueError: it is no well-formed XML, declares entities or a document type of its own, or is larger, fuller or
            deeper than MAX_BYTES, MAX_ELEMENTS and MAX_DEPTH; with the line.
    """
    if not data.strip():
        raise ValueError("found an empty file; MusicXML begins with <?xml")
    if len(data) > MAX_BYTES:
        raise ValueError(f"found {len(data)} bytes of XML; allowed are {MAX_BYTES}")
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "error")
        raise ValueError(
            f"line {error.lineno}, column {error.offset + 1}: found {reason}, allowed well-formed XML"
        ) from error
    except LookupError as error:
        raise ValueError(f"line 1: found {error}, allowed an encoding that Python knows") from error
    return builder.roots[0]


class _Builder:
    """Expat's handlers."""

    def __init__(self) -> None:
        self.roots: list[Element] = []
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._document_type
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._skipped

    def _refuse(self, found: str, allowed: str) -> None:
        raise ValueError(f"line {self.parser.CurrentLineNumber}: found {found}, allowed {allowed}")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            self._refuse("too many elements", f"{MAX_ELEMENTS} of them")
        if len(self._open) == MAX_DEPTH:
            self._refuse(f"elements nested deeper than {MAX_DEPTH}", "a score")
        # A namespace prefix says nothing here.
        element = Element(tag.rpartition(":")[2], attributes, self.parser.CurrentLineNumber)
        (self._open[-1].children if self._open else self.roots).append(element)
        self._open.append(element)
        self._texts.append([])

    def _end(self, tag: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _characters(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def _document_type(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            self._refuse(
                f"declarations in the document type {name!r}", "a document type that names its DTD only"
            )

    def _entity(self, name: str, *_: object) -> None:
        self._refuse(f"a declaration of the entity {name!r}", "XML without entities of its own")

    def _skipped(self, name: str, is_parameter: int) -> None:
        self._refuse(f"the entity {name!r}", "characters as they are or &amp; &lt; &gt; &quot; &apos;")
