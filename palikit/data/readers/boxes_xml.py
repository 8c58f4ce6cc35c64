"""XML labels, read safely, each element with its line.

A document type is refused, because only there can entities be declared: no file is opened and
nothing grows. This is expat with a handler of our own, since `xml.etree` neither refuses document
types nor tells lines, and defusedxml would be one more package for the same dozen lines.
"""

import reprlib
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from palikit.errors import DataError

from .boxes_files import to_number

__all__ = ["Element", "read_xml"]

MAX_DEPTH = 50


@dataclass(slots=True)
class Element:
    """An element, its attributes, its own text and the elements in it.

    Each method that finds something else than it promises raises DataError with file and line.
    """

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: "list[Element]" = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text, without space around it; "" where it has none."""
        return "".join(self.pieces).strip()

    def error(self, message: str) -> DataError:
        """`message` with the file, the line and the tag before it."""
        return DataError(f"{self.file}, line {self.line}, <{self.tag}>: {message}")

    def find(self, tag: str) -> "Element | None":
        """The first element directly in this one that is called `tag`."""
        return next((child for child in self.children if child.tag == tag), None)

    def find_all(self, tag: str) -> "list[Element]":
        """All elements directly in this one that are called `tag`, in their order."""
        return [child for child in self.children if child.tag == tag]

    def need(self, tag: str) -> "Element":
        """As `find`, for what must be there."""
        found = self.find(tag)
        if found is None:
            raise self.error(f"the element <{tag}> is missing")
        return found

    def words(self) -> str:
        """Its text, which must not be empty."""
        if not self.text:
            raise self.error("a text was expected and it is empty")
        return self.text

    def number(self) -> float:
        """Its text as a number."""
        return self._number(self.text, "its text")

    def attribute(self, name: str) -> str:
        """An attribute that must be there and not be empty."""
        value = self.attributes.get(name, "").strip()
        if not value:
            raise self.error(f"the attribute {name!r} is missing or empty")
        return value

    def attribute_number(self, name: str) -> float:
        """An attribute as a finite number."""
        return self._number(self.attribute(name), name)

    def attribute_whole(self, name: str, low: int = 0) -> int:
        """An attribute as a whole number of at least `low`."""
        number = self.attribute_number(name)
        if number < low or not number.is_integer():
            raise self.error(
                f"{name}={self.attributes[name]!r} came where a whole number of at least {low} "
                "was expected"
            )
        return int(number)

    def _number(self, text: str, what: str) -> float:
        number = to_number(text)
        if number is None:
            raise self.error(
                f"{reprlib.repr(text)} came for {what} where a finite number was expected"
            )
        return number


def read_xml(path: Path, root: str) -> Element:
    """The outermost element of a file, which must be called `root`.

    Raises:
        DataError: the file is missing, cut short or no XML, declares a document type, is nested
            deeper than 50, or starts with another element; with its line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or error
        raise DataError(f"{path} cannot be read ({why}): check the path") from error
    builder = _Builder(path)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DataError(
            f"{path}, line {error.lineno}: this is not XML ({expat.ErrorString(error.code)}): "
            "the file may be cut short"
        ) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise DataError(f"{path} is XML in an encoding that cannot be read: {error}") from error
    top = builder.top
    assert top is not None  # expat refuses a file without an element
    if top.tag != root:
        raise top.error(f"<{root}> was expected as the outermost element: is it another format?")
    return top


class _Builder:
    """Collects elements as expat tells of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.top: Element | None = None
        self.open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self.path, self.parser.CurrentLineNumber)
        if len(self.open) >= MAX_DEPTH:
            raise element.error("elements are nested too deeply for a file of labels")
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.top = element
        self.open.append(element)

    def _end(self, tag: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        if self.open[-1].pieces or not text.isspace():
            self.open[-1].pieces.append(text)

    def _doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise DataError(
            f"{self.path}, line {line}: a document type (<!DOCTYPE ...>) was declared, which files "
            "of labels do not need and which may hide entities: delete it if you trust the file"
        )
