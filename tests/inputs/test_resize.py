"""Pictures become squares of pixels in [-1, 1], by the filter that a checkpoint names."""

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from PIL import Image

from palikit.errors import UsageError
from palikit.inputs.image import Resize, load_image, stack_frames

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def test_resize_ignores_the_aspect_ratio_and_spans_minus_one_to_one() -> None:
    image = Image.new("RGB", (40, 10), WHITE)
    image.paste((0, 0, 0), (0, 0, 20, 10))
    for resample in ("bicubic", "bilinear", "reference"):
        got = Resize(8, resample)(image)
        assert got.shape == (3, 8, 8)
        assert got.dtype == torch.float32
        assert (got.min().item(), got.max().item()) == (-1.0, 1.0)
        assert (got[:, :, 0] == -1).all()


def test_reference_resize_takes_the_two_neighbours_and_cuts_to_levels() -> None:
    row = np.array([[0, 100, 200, 255]], dtype=np.uint8)
    got = Resize(3, "reference")(load_image(row))
    # Centres at 1/6, 1.5 and 17/6 of the four pixels: 16.67, 150 and 245.83, cut down.
    levels = torch.tensor([16.0, 150.0, 245.0])
    assert torch.allclose((got[0, 0] + 1) * 127.5, levels, atol=1e-4)


@pytest.mark.parametrize("antialias", [False, True])
def test_reference_resize_keeps_flat_colours_exactly(antialias: bool) -> None:
    resize = Resize(37, "reference", antialias=antialias)
    for level in range(256):
        got = (resize(Image.new("RGB", (50, 23), (level,) * 3)) + 1) * 127.5
        assert torch.allclose(got, torch.full_like(got, level), atol=1e-4)


def test_reference_resize_averages_only_when_antialiased() -> None:
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::4] = 255
    plain = Resize(16, "reference")(load_image(stripes))
    smooth = Resize(16, "reference", antialias=True)(load_image(stripes))
    assert plain.unique().tolist() == [-1.0]
    inside = smooth[:, :, 1:-1]  # the first and last columns have fewer neighbours
    assert torch.allclose(inside, torch.full_like(inside, 63 / 127.5 - 1), atol=1e-4)


def test_a_resize_that_does_not_exist_is_refused() -> None:
    with pytest.raises((UsageError, TypeCheckError)):
        Resize(8, "lanczos")
    with pytest.raises(UsageError, match="size of at least 1"):
        Resize(0)


def test_frames_stack_in_order() -> None:
    frames = [Image.new("RGB", (4, 6), colour) for colour in (RED, GREEN)]
    got = stack_frames(frames, Resize(4))
    assert got.shape == (2, 3, 4, 4)
    assert got[0, 0, 0, 0] == got[1, 1, 0, 0] == 1.0
