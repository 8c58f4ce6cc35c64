"""Where all stages meet: a picture and a task in, a typed answer out."""

from .engine import Engine, ImageLike, Seen
from .load import load, open_tools

__all__ = ["Engine", "ImageLike", "Seen", "load", "open_tools"]
