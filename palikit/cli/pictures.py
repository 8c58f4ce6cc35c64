"""What the user named, as a list of pictures: files, folders, globs, and stdin."""

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from palikit.errors import ImageError, UsageError
from palikit.inputs.picture_names import SUFFIXES, is_picture

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["STDIN", "Source", "check_order", "find"]

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """One picture that was asked about, not yet read; its name is its path, or `-`."""

    name: str

    @property
    def stem(self) -> str:
        """What a drawn copy of it is called."""
        return "stdin" if self.name == STDIN else Path(self.name).stem

    def read(self) -> "PIL.Image.Image":
        """The picture itself.

        Raises:
            ImageError: it is missing, broken, empty or too large.
        """
        from palikit.inputs.image import load_image

        return load_image(sys.stdin.buffer.read() if self.name == STDIN else self.name)


def find(arguments: Sequence[str]) -> list[Source]:
    """All pictures that the arguments name, in their order; a folder's and a glob's are sorted.

    A file that does not exist is found out when it is read, so that it does not stop the others.

    Raises:
        ImageError: a folder or a glob without pictures.
        UsageError: stdin was named twice.
    """
    if arguments.count(STDIN) > 1:
        raise UsageError("- was given twice, but stdin holds one picture: name it once")
    return [Source(name) for argument in arguments for name in _expand(argument)]


def check_order(words: str, what: str) -> None:
    """Refuse a picture where the words of the question belong: behind all pictures.

    Raises:
        UsageError: `words` is a picture on this machine.
    """
    if _is_picture(words):
        raise UsageError(f"{what} must stand last, after the pictures, but {words} does")


def _is_picture(argument: str) -> bool:
    return argument == STDIN or (Path(argument).suffix.lower() in SUFFIXES and _exists(argument))


def _exists(argument: str) -> bool:
    return Path(argument).exists() or bool(glob.glob(argument))


def _expand(argument: str) -> Iterator[str]:
    path = Path(argument)
    if path.is_dir():
        found = sorted(str(p) for p in path.iterdir() if _looks_like_picture(p))
        if not found:
            raise ImageError(
                f"folder {argument} holds no pictures: name one that has files such as .jpg or .png"
            )
        yield from found
    elif glob.has_magic(argument) and not path.exists():
        found = sorted(p for p in glob.glob(argument, recursive=True) if Path(p).is_file())
        if not found:
            raise ImageError(f"nothing matches {argument}: check the pattern")
        yield from found
    else:
        yield argument


def _looks_like_picture(path: Path) -> bool:
    return is_picture(path) and path.is_file()
