"""Position embeddings for another picture size."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from palikit.errors import CheckpointError

__all__ = ["resample_positions"]


def resample_positions(positions: Float[Tensor, "P D"], patches: int) -> Float[Tensor, "P2 D"]:
    """A square grid of embeddings on a square grid of another size, linearly between the corners.

    As big_vision loads them: `scipy.ndimage.zoom` of order 1, where the corners stay what they are.
    Departure: from 32 a side to 16, that function's rounding leaves zeros in the last row and
    column; here they are what lies there.
    """
    if positions.shape[0] == patches:
        return positions
    old, new = round(positions.shape[0] ** 0.5), round(patches**0.5)
    if old * old != positions.shape[0] or new * new != patches:
        raise CheckpointError(
            f"{positions.shape[0]} positions cannot become {patches}: both must be squares"
        )
    grid = positions.float().T.reshape(1, -1, old, old)
    grid = F.interpolate(grid, size=(new, new), mode="bilinear", align_corners=True)
    return grid[0].flatten(1).T.to(positions.dtype).contiguous()
