"""Where all stages meet: a picture and a task in, a typed answer out."""

from .engine import Engine
from .in_flight import InFlight, Said
from .load import load, open_tools
from .looking import ImageLike
from .seen import Seen

__all__ = ["Engine", "ImageLike", "InFlight", "Said", "Seen", "load", "open_tools"]
