"""The run lengths of Label Studio's brush, which are not COCO's.

The bytes are a stream of bits: 32 bits, how many values there are; 5 bits, bits a value less one;
4 times 4 bits, four lengths of counts less one. Then blocks until all values are there: 1 bit, is
it a run; 2 bits, which of the four lengths; a count less one in so many bits; then one value, for a
run, or as many values as the count. The values are the RGBA bytes of the picture's pixels in rows,
and a pixel is marked where its alpha is not 0.

Source: the package `rle-pack` of github.com/thi-ng/umbrella, which Label Studio took over.
"""

from collections.abc import Sequence

import numpy as np

from palikit.coco import MaskArray

__all__ = ["decode_brush"]

CHANNELS = 4


def decode_brush(data: Sequence[int], size: tuple[int, int]) -> MaskArray:
    """The mask [H, W] of a picture of `size` (width, height) from bytes as whole numbers.

    Raises:
        ValueError: numbers that are no bytes, that end too early or are of another size.
    """
    width, height = size
    bits = _Bits(bytes(data))
    total = bits.take(32)
    if total != width * height * CHANNELS:  # before anything is allocated
        raise ValueError(f"{total} values are not the {CHANNELS} a pixel of {width} x {height}")
    word = bits.take(5) + 1
    lengths = [bits.take(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.bool_)
    at = 0
    while at < total:
        is_run = bits.take(1)
        end = at + 1 + bits.take(lengths[bits.take(2)])
        if end > total:
            raise ValueError(f"a block ends after {end} of {total} values")
        if is_run:
            values[at:end] = bits.take(word) != 0
        else:
            values[at:end] = bits.take_many(end - at, word)
        at = end
    return values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1].copy()


class _Bits:
    """Bits of a byte string, highest first."""

    def __init__(self, data: bytes) -> None:
        self.bits = np.unpackbits(np.frombuffer(data, np.uint8))
        # Short numbers are cut from text: far faster than from the array.
        self.text = (self.bits + ord("0")).tobytes().decode("ascii")
        self.at = 0

    def take(self, count: int) -> int:
        return int(self.text[self._advance(count) : self.at], 2)

    def take_many(self, count: int, width: int) -> MaskArray:
        """`count` numbers of `width` bits each: which of them are not 0."""
        start = self._advance(count * width)
        return np.any(self.bits[start : self.at].reshape(count, width) != 0, axis=1)

    def _advance(self, count: int) -> int:
        start, self.at = self.at, self.at + count
        if self.at > len(self.text):
            raise ValueError(f"they end after {len(self.text)} bits")
        return start
