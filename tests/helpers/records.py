"""Small labelled pictures for tests."""

import io
from functools import cache

import numpy as np
from PIL import Image

from palikit.data.pictures import BytesPicture
from palikit.data.records import Dataset, Record, Thing
from palikit.results import Box


@cache
def red_picture(width: int = 80, height: int = 40) -> BytesPicture:
    """A red rectangle, encoded."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "png")
    return BytesPicture("red.png", buffer.getvalue())


def boxes_dataset(count: int, seed: int = 0) -> Dataset:
    """Noisy pictures, each with one to three boxes of cats and dogs."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        pixels = rng.integers(0, 255, (32, 48, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        things = []
        for _ in range(rng.integers(1, 4)):
            x, y = rng.integers(0, 20, 2).tolist()
            corners = (x, y, x + 20.0, y, x + 20.0, y + 10.0, x, y + 10.0)
            label = ("cat", "dog")[int(rng.integers(2))]
            things.append(Thing(label, Box(x, y, x + 20.0, y + 10.0), polygons=(corners,)))
        picture = BytesPicture(f"{i}.png", buffer.getvalue())
        records.append(
            Record(pictures=(picture,), origin=f"record {i}", things=tuple(things), size=(48, 32))
        )
    return Dataset("boxes", records, ("cat", "dog"))
