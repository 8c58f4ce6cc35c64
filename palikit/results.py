"""What a model answered, as frozen values: Box, Text, Region, Regions."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "MaskArray"]

MaskArray: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in float pixels of the original image; x to the right, y down."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        return (self.x1, self.y1, self.x2, self.y2)
