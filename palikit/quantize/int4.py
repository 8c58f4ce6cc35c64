"""Weights in four bits: numbers from 0 to 15, and for each group of input channels a step and an
offset in whole numbers, so that a group unpacks to eight bits exactly.

    weight[o, i] ≈ scale[o] · (step[g, o] · q[o, i] + offset[g, o])      g = i // group

This is QServe's progressive quantisation (arXiv 2405.04532, section 4.1): rows are first rounded to
±119, the largest range in which no group leaves eight bits when it is rounded again. What it buys:
many rows multiply in eight bits by the kernel of `int8.py`, after unpacking a block of outputs at a
time. A few rows go through a kernel of `native.py` with the same result, or, where there is none,
through PyTorch's four-bit kernel, in bfloat16 (it has no other fast one); both read half the bytes.

Two values lie in a byte, in the order of that kernel on AVX-512, so that a mapped file is used as
it is; 64 outputs make a block, in which input i holds outputs d and d + 32 in byte d, d from 0 to
31. Where a processor's kernel has another order, all rows go through eight bits: as much memory is
saved, and no time. Sizes are padded to whole blocks and groups, which no published decoder needs.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor
from torch.nn import functional as F

from .calling import MOST_ROWS, are_few, fits, is_wide, whole_or_half, wide
from .int8 import int_mm, pack_int8, round_rows, unpack_int8
from .linear import Linear, int4_linear
from .native import kernels
from .packed import PackedLinear, finished

__all__ = ["GROUP", "GROUPS", "Int4", "Int4Linear", "int4_product", "pack_int4", "unpack_int4"]

GROUPS = (32, 64, 128, 256)
"""Those that the kernel knows."""

GROUP = 64
"""Costs a quarter of a bit for each weight; 32 costs half a bit and is a tenth more exact."""

FEW_ROWS = 4
"""Up to here the four-bit kernel is faster than unpacking and multiplying in eight bits."""

BLOCK = 64
BLOCKS_AT_ONCE = 16
"""1,024 outputs are unpacked at once: 9 MB at the widest layer of the 3B."""

ROWS_AT_ONCE = 2 * BLOCK
"""As many are packed at once: 2 MB of 16-bit numbers at the widest layer of the 3B."""

LEVELS = 119
TOP = 15


@dataclass(frozen=True, slots=True)
class Int4:
    """What `pack_int4` makes of a weight, o and i padded to whole blocks and groups.

    Attributes:
        codes: two of them in a byte.
        steps: from 1 to 16.
        offsets: what the code 0 stands for.
        scale: of each output channel.
    """

    codes: UInt8[Tensor, "blocks i 32"]
    steps: UInt8[Tensor, "groups o"]
    offsets: Int8[Tensor, "groups o"]
    scale: Float[Tensor, " o"]


def pack_int4(weight: Float[Tensor, "o i"], group: int = GROUP) -> Int4:
    """A weight in groups of input channels.

    Raises:
        CheckpointError: there is a NaN or an infinity among the weights.
    """
    rows, scale = pack_int8(weight, LEVELS)
    outputs, inputs = weight.shape
    rows = F.pad(rows, (0, -inputs % group, 0, -outputs % BLOCK))
    scale = F.pad(scale, (0, -outputs % BLOCK))
    parts = [_pack_block(block, group) for block in torch.split(rows, ROWS_AT_ONCE)]
    codes, steps, offsets = zip(*parts, strict=True)
    return Int4(torch.cat(codes), torch.cat(steps, dim=1), torch.cat(offsets, dim=1), scale)


def _pack_block(
    rows: Int8[Tensor, "o i"], group: int
) -> tuple[UInt8[Tensor, "blocks i 32"], UInt8[Tensor, "groups o"], Int8[Tensor, "groups o"]]:
    wide = rows.short().view(len(rows), -1, group)  # [o, groups, group]
    low = wide.amin(dim=2, keepdim=True)
    step = ((wide.amax(dim=2, keepdim=True) - low + TOP - 1) // TOP).clamp_min_(1)
    codes = ((wide - low + step // 2) // step).to(torch.uint8).flatten(1)
    halves = codes.view(-1, 2, BLOCK // 2, codes.shape[1])
    joined = halves[:, 0] | halves[:, 1] << 4
    return (
        joined.transpose(1, 2).contiguous(),
        step[..., 0].t().to(torch.uint8).contiguous(),
        low[..., 0].t().to(torch.int8).contiguous(),
    )


def unpack_int4(four: Int4, blocks: slice = slice(None)) -> Int8[Tensor, "i o"]:
    """The eight-bit numbers of some blocks of outputs, a column for each output; exact."""
    codes = four.codes[blocks].transpose(0, 1)
    whole = torch.empty((*codes.shape[:2], BLOCK), dtype=torch.uint8, device=codes.device)
    whole[..., : BLOCK // 2] = codes & TOP
    whole[..., BLOCK // 2 :] = codes >> 4
    inputs = len(codes)
    start = (blocks.start or 0) * BLOCK
    outputs = slice(start, start + codes.shape[1] * BLOCK)
    # Bytes count modulo 256, so that sums of an unsigned and a signed one come out right.
    groups = whole.view(len(four.steps), -1, codes.shape[1] * BLOCK)
    groups *= four.steps[:, None, outputs]
    groups += four.offsets[:, None, outputs].view(torch.uint8)
    return groups.view(torch.int8).view(inputs, -1)


def int4_product(x: Float[Tensor, "r i"], four: Int4) -> Float[Tensor, "r o"]:
    """x Wᵀ with x in eight bits and W unpacked to them, float32; the outputs' padding included."""
    read = fits(four.codes, four.steps, four.offsets) and is_wide(four.scale)
    native = kernels() if read else None
    rounded, x_scale = round_rows(x.float()) if native is None else native.round_rows(x)
    rounded = F.pad(rounded, (0, four.codes.shape[1] - x.shape[1]))
    out = x_scale.new_empty(len(x), len(four.scale))
    # Compiled, every step of a loop would be code of its own.
    step = len(four.codes) if torch.compiler.is_compiling() else BLOCKS_AT_ONCE
    for start in range(0, len(four.codes), step):
        stop = min(start + step, len(four.codes))
        some = slice(start * BLOCK, stop * BLOCK)
        if native is None:
            sums = int_mm(rounded, unpack_int4(four, slice(start, stop)))
            out[:, some] = sums.float().mul_(x_scale[:, None]).mul_(four.scale[some])
        else:
            packed = (four.codes, four.steps, four.offsets)
            sums = int_mm(rounded, native.unpack_int4(*packed, start, stop - start))
            native.scale_sums(sums, x_scale, four.scale[some], out[:, some])
    return out


class Int4Linear(PackedLinear):
    """A linear layer with `pack_int4`'s numbers for its weight."""

    codes: Tensor
    steps: Tensor
    offsets: Tensor
    scale: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool,
        dtype: torch.dtype = torch.float32,
        group: int = GROUP,
    ) -> None:
        super().__init__(inputs, outputs, bias=bias, dtype=dtype)
        self.group = group
        groups, blocks = -(-inputs // group), -(-outputs // BLOCK)
        codes = torch.empty(blocks, groups * group, BLOCK // 2, dtype=torch.uint8)
        self.register_buffer("codes", codes)
        self.register_buffer("steps", torch.empty(groups, blocks * BLOCK, dtype=torch.uint8))
        self.register_buffer("offsets", torch.empty(groups, blocks * BLOCK, dtype=torch.int8))
        self.register_buffer("scale", torch.empty(blocks * BLOCK))
        self._affine: Tensor | None = None

    def pack(self, weight: Float[Tensor, "o i"]) -> None:
        """As `pack_int4`."""
        four = pack_int4(weight, self.group)
        self._replace(codes=four.codes, steps=four.steps, offsets=four.offsets, scale=four.scale)
        self._affine = None

    def unpack(self, outputs: slice = slice(None)) -> Float[Tensor, "o i"]:
        """As `unpack_int4`, times the scale."""
        start, stop, _ = outputs.indices(self.outputs)
        assert start % BLOCK == 0, f"row {start} is inside a block"
        blocks = slice(start // BLOCK, -(-stop // BLOCK))
        rows = unpack_int4(self._four(), blocks).t()
        whole = unpack_int8(rows, self.scale[start : start + len(rows)])
        return whole[: stop - start, : self.inputs]

    def product(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        """By a kernel that reads four bits where there is one, else as `int4_product`."""
        buffers = (self.codes, self.steps, self.offsets, self.scale)
        native = kernels() if fits(*buffers) and is_wide(self.scale) else None
        if native is not None and native.multiplies_int4 and len(x) > MOST_ROWS:
            held = wide(self.bias)  # by name, so that it outlives the call
            layer = int4_linear(*buffers, held, self.inputs, self.outputs)
            return native.products(x, [layer], whole_or_half(x.dtype))[0].to(x.dtype)
        if native is not None and are_few(len(x)):
            product = native.int4(x, *buffers)
        elif len(x) <= FEW_ROWS and x.device.type == "cpu" and _has_kernel():
            product = self._few(x)
        else:
            product = int4_product(x, self._four())
        return finished(product[:, : self.outputs], self.bias, x.dtype)

    def described(self, bias: Float[Tensor, " o"] | None) -> Linear | None:
        """For C."""
        buffers = (self.codes, self.steps, self.offsets, self.scale)
        if not (fits(*buffers) and is_wide(self.scale)):
            return None
        return int4_linear(*buffers, bias, self.inputs, self.outputs)

    def _few(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        if self._affine is None:
            self._affine = _affine(self._four())
        codes = self.codes.view(len(self.scale), -1)
        x = F.pad(x.bfloat16(), (0, self.codes.shape[1] - self.inputs))
        kernel = torch.ops.aten._weight_int4pack_mm_for_cpu
        out: Tensor = kernel(x, codes, self.group, self._affine)
        return out.float()

    def _four(self) -> Int4:
        return Int4(self.codes, self.steps, self.offsets, self.scale)


def _affine(four: Int4) -> Float[Tensor, "groups o 2"]:
    """The kernel's own form: it adds the second number to (code - 8) times the first."""
    steps = four.steps.float()
    middle = four.offsets + 8 * steps
    return torch.stack([steps * four.scale, middle * four.scale], dim=-1).bfloat16()


def _has_kernel() -> bool:
    # What asks the kernel cannot be compiled, and code that is gains nothing from it.
    return not torch.compiler.is_compiling() and _kernel_has_our_order()


@cache
def _kernel_has_our_order() -> bool:
    codes = (torch.arange(BLOCK)[:, None] * 7 + torch.arange(32) * 3) % (TOP + 1)
    theirs = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.int(), 1)
    halves = codes.to(torch.uint8).view(2, BLOCK // 2, -1)
    return torch.equal(theirs.flatten(), (halves[0] | halves[1] << 4).t().flatten())
