"""Position embeddings at another picture size, as the reference resamples them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from palikit.errors import CheckpointError
from palikit.weights.positions import resample_positions


@pytest.mark.parametrize(
    ("old", "new", "mode"),
    [
        (16, 32, "constant"),
        (16, 64, "constant"),
        (32, 64, "constant"),
        (5, 7, "constant"),
        (64, 32, "constant"),
        # Here scipy's default mode takes the last row for one outside, by rounding: zeros.
        (32, 16, "nearest"),
    ],
)
def test_positions_are_resampled_as_scipy_zooms(old, new, mode):
    grid = np.random.default_rng(0).normal(size=(old, old, 8)).astype(np.float32)
    zoomed = ndimage.zoom(grid, (new / old, new / old, 1), order=1, mode=mode)
    got = resample_positions(torch.from_numpy(grid).reshape(-1, 8), new * new)
    torch.testing.assert_close(got, torch.from_numpy(zoomed).reshape(-1, 8), atol=1e-4, rtol=0)


def test_the_same_size_is_left_alone_and_a_dtype_kept():
    positions = torch.randn(16, 4).bfloat16()
    assert resample_positions(positions, 16) is positions
    assert resample_positions(positions, 64).dtype == torch.bfloat16


@pytest.mark.parametrize(("old", "new"), [(15, 16), (16, 15)])
def test_a_grid_that_is_no_square_is_told(old, new):
    with pytest.raises(CheckpointError, match="squares"):
        resample_positions(torch.zeros(old, 4), new)
