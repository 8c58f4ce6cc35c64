"""Masks as sixteen codes, and back: the VQ-VAE that PaliGemma's `<seg>` tokens stand for.

    mask [H, W] + box ─ mask_to_patch ─► [64, 64] ─ encode ─► 16 codes (a 4 x 4 grid, row by row)
    16 codes ─ decode ─► [64, 64] ─ paste_mask, at the box ─► mask [H, W]

Follows the encoder in big_vision's `pp/proj/paligemma/segmentation.py` and the decoder in its
`evaluators/proj/paligemma/transfers/segmentation.py`; the parameters carry the names of the
official `vae-oid.npz`.

Departures. The reference rounds a box to pixels when it encodes and truncates when it decodes;
here both ways round, so that a mask comes back to where it was cut out. A box thinner than a pixel
gets one pixel.
"""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from palikit.errors import CodecError, UsageError
from palikit.results import Box, MaskArray

__all__ = ["NUM_CODES", "PATCH_SIDE", "MaskCodec", "mask_to_patch", "paste_mask"]

NUM_CODES = 128
PATCH_SIDE = 64
CODE_WIDTH = 512
GRID = 4

# The running averages by which the codebook was trained; a file may carry them, reading codes does
# not need them.
TRAINING_BUFFERS = frozenset({"_vq_vae._ema_w", "_vq_vae._ema_cluster_size"})


class ResidualBlock(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(conv3x3(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Float[Tensor, "B c h w"]) -> Float[Tensor, "B c h w"]:
        out: Tensor = self.net(x)
        return x + out


class Codebook(nn.Module):
    """The table of code vectors, under the name that the official file gives it."""

    def __init__(self) -> None:
        super().__init__()
        self._embedding = nn.Parameter(torch.randn(NUM_CODES, CODE_WIDTH))

    @property
    def vectors(self) -> Float[Tensor, "128 512"]:
        return self._embedding


def _halve(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1), nn.ReLU()]


def _double(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1), nn.ReLU()]


class MaskCodec(nn.Module):
    """64 x 64 masks to 16 codes and back. A new one has random weights; `load` reads trained ones.

    codec = MaskCodec.load("vae-oid.npz")
    codes = codec.encode(masks)        # float [B, 64, 64] in [0, 1] -> int64 [B, 16]
    inside = codec.decode(codes) > 0   # bool [B, 64, 64]
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *_halve(1, 16),
            *_halve(16, 32),
            *_halve(32, 64),
            *_halve(64, 128),
            ResidualBlock(128),
            ResidualBlock(128),
            nn.Conv2d(128, CODE_WIDTH, 1),
        )
        self._vq_vae = Codebook()
        self.decoder = nn.Sequential(
            nn.Conv2d(CODE_WIDTH, 128, 1),
            nn.ReLU(),
            ResidualBlock(128),
            ResidualBlock(128),
            *_double(128, 128),
            *_double(128, 64),
            *_double(64, 32),
            *_double(32, 16),
            nn.Conv2d(16, 1, 1),
        )

    @property
    def codebook(self) -> Float[Tensor, "128 512"]:
        """The code vectors, one a row."""
        return self._vq_vae.vectors

    def features(self, masks: Float[Tensor, "B 64 64"]) -> Float[Tensor, "B 16 512"]:
        """Masks in [0, 1] to one vector for each cell of the 4 x 4 grid, before quantising."""
        grid: Tensor = self.encoder(2.0 * masks[:, None] - 1.0)  # [B, 512, 4, 4]
        return grid.flatten(2).transpose(1, 2)

    def quantise(self, features: Float[Tensor, "B 16 512"]) -> Int[Tensor, "B 16"]:
        """The index of the nearest code vector."""
        # |f - e|^2 = |f|^2 - 2 f.e + |e|^2; the first term is the same for every code.
        distance = self.codebook.square().sum(dim=1) - 2.0 * features @ self.codebook.T
        return distance.argmin(dim=-1)

    def reconstruct(self, vectors: Float[Tensor, "B 16 512"]) -> Float[Tensor, "B 64 64"]:
        """Code vectors to a map near [-1, 1]: inside where > 0."""
        grid = vectors.transpose(1, 2).reshape(-1, CODE_WIDTH, GRID, GRID)
        picture: Tensor = self.decoder(grid)
        return picture[:, 0]

    @torch.no_grad()
    def encode(self, masks: Float[Tensor, "..."]) -> Int[Tensor, "B 16"]:
        """Masks [B, 64, 64] in [0, 1] to codes; the shape is the user's to get wrong."""
        if masks.ndim != 3 or tuple(masks.shape[1:]) != (PATCH_SIDE, PATCH_SIDE):
            raise UsageError(
                f"masks of shape {tuple(masks.shape)} cannot be encoded: "
                "give [B, 64, 64], cut out by mask_to_patch"
            )
        return self.quantise(self.features(masks.to(self.codebook.dtype)))

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "..."]) -> Float[Tensor, "B 64 64"]:
        """Codes [B, 16] to maps that are inside where > 0."""
        if codes.ndim != 2 or codes.shape[1] != GRID * GRID:
            raise UsageError(f"codes of shape {tuple(codes.shape)} cannot be decoded: give [B, 16]")
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < NUM_CODES:
            raise UsageError(
                f"a code is outside 0..127 (found {int(codes.min())}..{int(codes.max())})"
            )
        return self.reconstruct(self.codebook[codes])

    @classmethod
    def load(cls, path: str | Path) -> "MaskCodec":
        """Read the official `.npz` or the same names as `.safetensors`.

        Raises:
            CodecError: no such file, not readable, or parameters other than those of this VQ-VAE.
        """
        found = {k: v for k, v in _read(Path(path)).items() if k not in TRAINING_BUFFERS}
        with torch.device("meta"):
            codec = cls()
        _check_layout(Path(path), found, codec.state_dict())
        codec.load_state_dict({k: v.float() for k, v in found.items()}, assign=True)
        return codec.eval()

    def save(self, path: str | Path) -> None:
        """Write the parameters as safetensors, under the official names."""
        target = Path(path)
        if target.suffix != ".safetensors":
            raise UsageError(
                f"a codec is saved as .safetensors, not as {target.name!r}: change the ending"
            )
        draft = target.with_name(target.name + ".part")
        save_file({k: v.contiguous().cpu() for k, v in self.state_dict().items()}, draft)
        os.replace(draft, target)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CodecError(
            f"there is no mask codec at {path}: give the path of vae-oid.npz or of a saved codec"
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise CodecError(f"{path} is a single array, not a mask codec: give vae-oid.npz")
        with archive:
            return {k: torch.from_numpy(np.asarray(archive[k], np.float32)) for k in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        raise CodecError(f"{path} is not a readable .npz or .safetensors file ({error})") from error


def _check_layout(path: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    shaped = [
        f"{k} {list(found[k].shape)} instead of {list(wanted[k].shape)}"
        for k in sorted(found.keys() & wanted.keys())
        if found[k].shape != wanted[k].shape
    ]
    broken = [k for k in sorted(found) if not bool(torch.isfinite(found[k]).all())]
    groups = {
        "missing": sorted(wanted.keys() - found.keys()),
        "unexpected": sorted(found.keys() - wanted.keys()),
        "mis-shaped": shaped,
        "not finite": broken,
    }
    wrong = "; ".join(f"{title}: {', '.join(names)}" for title, names in groups.items() if names)
    if wrong:
        raise CodecError(f"{path} does not hold PaliGemma's mask codec; {wrong}")


def mask_to_patch(mask: MaskArray | np.ndarray, box: Box) -> Float[Tensor, "64 64"]:
    """Cut a box out of a mask [H, W], bool or float in [0, 1]; resized with antialiasing."""
    height, width = mask.shape
    x1, y1, x2, y2 = _pixel_box(box, (width, height))
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if x1 >= x2 or y1 >= y2:
        raise UsageError(f"box {box.xyxy} lies outside the mask of {width} x {height} pixels")
    crop = torch.from_numpy(np.ascontiguousarray(mask[y1:y2, x1:x2], np.float32))
    return _resize(crop, PATCH_SIDE, PATCH_SIDE)


def paste_mask(patch: Float[Tensor, "64 64"], box: Box, size: tuple[int, int]) -> MaskArray:
    """A decoded patch in its box: bool [H, W] of a picture of `size` (width, height).

    The patch is resized first and compared with 0 after it, which keeps outlines smooth.
    """
    width, height = size
    x1, y1, x2, y2 = _pixel_box(box, size)
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    full = np.zeros((height, width), dtype=np.bool_)
    if left >= right or top >= bottom:
        return full
    inside = (_resize(patch.detach().float().cpu(), y2 - y1, x2 - x1) > 0).numpy()
    full[top:bottom, left:right] = inside[top - y1 : bottom - y1, left - x1 : right - x1]
    return full


def _pixel_box(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels, at least one wide and high; a sliver at the far edge steps back inside."""
    x1, x2 = _pixel_range(float(box.x1), float(box.x2), size[0])
    y1, y2 = _pixel_range(float(box.y1), float(box.y2), size[1])
    return x1, y1, x2, y2


def _pixel_range(start: float, stop: float, side: int) -> tuple[int, int]:
    first, last = round(start), round(stop)
    if last > first:
        return first, last
    first = min(first, side - 1) if first <= side else first
    return first, first + 1


def _resize(plane: Float[Tensor, "h w"], height: int, width: int) -> Float[Tensor, "h2 w2"]:
    return functional.interpolate(
        plane[None, None],
        size=(height, width),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )[0, 0]
