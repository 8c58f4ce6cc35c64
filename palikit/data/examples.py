"""A training example in pictures and words, before any of it becomes numbers."""

from dataclasses import dataclass

from PIL import Image

__all__ = ["Example"]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """What is shown, what is asked, and the answer that is taught.

    Attributes:
        pictures: upright and RGB, in their own sizes.
        silent: stretches of the suffix, as character offsets, that are read but not learned.
    """

    pictures: tuple[Image.Image, ...]
    prefix: str
    suffix: str
    silent: tuple[tuple[int, int], ...] = ()
