"""Label Studio's run lengths, written bit by bit."""

import numpy as np


def brush(mask, runs=True):
    """Label Studio's run lengths of a mask, in runs of one value or value by value."""
    values = np.repeat(np.where(mask, 255, 0).ravel(), 4).tolist()
    sizes = [1, 4, 7, 12]
    bits = f"{len(values):032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    at = 0
    while at < len(values):
        end = at + 1
        while end < len(values) and end - at < 128 and (not runs or values[end] == values[at]):
            end += 1
        which = next(i for i, size in enumerate(sizes) if end - at - 1 < 2**size)
        bits += f"{int(runs)}{which:02b}{end - at - 1:0{sizes[which]}b}"
        bits += "".join(
            f"{value:08b}" for value in (values[at : at + 1] if runs else values[at:end])
        )
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
