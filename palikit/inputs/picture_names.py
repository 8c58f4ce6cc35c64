"""Which files are pictures, by their names alone, so that nobody needs torch to list a folder."""

from pathlib import Path

__all__ = ["SUFFIXES", "is_picture"]

SUFFIXES = frozenset(
    ".avif .bmp .gif .jp2 .jpe .jpeg .jpg .mpo .png .ppm .tga .tif .tiff .webp".split()
)
"""Endings, in small letters, of what Pillow reads and people have."""


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
