"""What a device makes of an operation, told to tensors on `meta`, which have no such ways.

Two things depend on the device and decide what autograd keeps: which attention kernel runs, and
what autocast casts (its lists are in PyTorch's `autocast_mode.h`).
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from .tracking import LiveBytes

__all__ = ["EmptyBytes", "Kernels"]

_LOW = {F.linear, F.conv2d, torch.conv2d, torch.matmul, Tensor.matmul, Tensor.__matmul__}
"""Multiplied in the lower precision, of those operations that the model uses."""


class Kernels(TorchFunctionMode):
    """Attention as `device` computes it, products as `precision` casts them."""

    def __init__(
        self, device: Literal["cuda", "cpu"], precision: Literal["float32", "bfloat16"]
    ) -> None:
        super().__init__()
        self.device, self.low = device, precision == "bfloat16"
        self._cast: dict[int, Tensor] | None = {}

    def backward(self, loss: Tensor) -> None:
        """`loss.backward()`, which itself would put this mode aside while it runs."""
        self._cast = None  # the forward pass is over: autocast lets go of its casts
        engine = torch.autograd.Variable._execution_engine
        engine.run_backward(
            (loss,),
            (torch.ones_like(loss),),
            False,
            False,
            (),
            allow_unreachable=True,
            accumulate_grad=True,
        )

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._attend(*(self._lower(one) for one in args), **kwargs)
        if self.low and func in _LOW:
            args = tuple(self._lower(one) for one in args)
        elif self.low and self.device == "cuda" and func is F.layer_norm:
            args = (args[0].float(), *args[1:])
        return func(*args, **kwargs)

    def _attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        attn_mask: Tensor | None,
        scale: float,
        enable_gqa: bool,
    ) -> Tensor:
        if attn_mask is not None and enable_gqa and self.device == "cuda":
            # No fused kernel takes a mask where heads share keys: logits are kept.
            plain = torch.ops.aten._scaled_dot_product_attention_math
            return plain(q, k, v, attn_mask, scale=scale, enable_gqa=True)[0]
        if attn_mask is not None:
            attn_mask = q.new_empty(attn_mask.shape)
        fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return fused(q, k, v, attn_mask=attn_mask, scale=scale)[0]

    def _lower(self, value: Any) -> Any:
        if not (self.low and isinstance(value, Tensor) and value.dtype == torch.float32):
            return value
        if self._cast is None or not (value.is_leaf and value.requires_grad):
            return value.bfloat16()
        if id(value) not in self._cast:
            self._cast[id(value)] = value.bfloat16()
        return self._cast[id(value)]


class EmptyBytes(LiveBytes):  # type: ignore[no-untyped-call]
    """`LiveBytes` for tensors on `meta`.

    What comes out of an operation is looked up by what goes in: finding it costs a millisecond, and
    all blocks of a model do the same.
    """

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is torch.ops.aten.index.Tensor and args[1][0].dtype == torch.bool:
            # How many rows a mask leaves is not known of tensors without numbers: all of them.
            return args[0].flatten(0, args[1][0].ndim - 1).clone()
        if any(one.alias_info is not None for one in func._schema.returns):
            return func(*args, **kwargs)
        key = (func, *_facts(args), *kwargs, *_facts(kwargs.values()))
        if key not in _KNOWN:
            out = func(*args, **kwargs)
            if not isinstance(out, Tensor):
                return out
            _KNOWN[key] = (tuple(out.shape), out.stride(), out.dtype)
            return out
        shape, stride, dtype = _KNOWN[key]
        return torch.empty_strided(shape, stride, dtype=dtype, device="meta")


_KNOWN: dict[Any, Any] = {}


def _facts(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Tensor):
            yield tuple(value.shape), value.stride(), value.dtype
        elif isinstance(value, list | tuple):
            yield tuple(_facts(value))
        else:
            yield value, type(value)
