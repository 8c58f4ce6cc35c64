"""Where all stages meet: a picture and a task in, a typed answer out."""

from .engine import Engine, ImageLike, Seen
from .load import load

__all__ = ["Engine", "ImageLike", "Seen", "load"]
