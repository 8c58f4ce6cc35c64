"""The decoder's pass over rows in flight, compiled over fixed shapes; on a GPU, a CUDA graph.

    model = compile_decoding(model)     # the same weights; the tower and prefills stay as they are

A pass of the 3B launches some two thousand kernels, which for one row should take a GPU longer than
what they do. Compiled, they are fewer, and a graph launches all of them at once. For that a pass
must look the same each time, so rows, tokens of a row and slots are rounded up to the sizes of
`fixed_cache`, what is padding is written where nobody reads, and masks stand where the plain pass
has slices. Numbers differ from the plain pass by the rounding of fused operations only.

A shape is compiled when it first comes, which may take a minute: at most SHAPES of them, and 15 (5
numbers of rows by 3 of tokens) for each capacity, of which pictures of one size have one or two.
What is larger than all shapes, or comes when so many are compiled, goes through the plain pass.
"""

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from types import FunctionType
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException
from torch.nn import functional as F

from palikit.errors import PalikitError
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import SlotCache
from palikit.shapes import TokenIds

from .fixed_cache import Arena, FixedCache, Layers, Shape

__all__ = ["SHAPES", "CompiledPaliGemma", "compile_decoding"]

SHAPES = 32
"""Compiled for a model at most; a shape that comes later is read by the plain pass."""

Backend = str | Callable[..., Any]
Pass = Callable[["CompiledPaliGemma", TokenIds, Tensor, Layers, Layers], Tensor]

BACKEND = "inductor"
"""Of `torch.compile`, where none is asked for."""

_numbers = count()


def compile_decoding(model: PaliGemma, backend: Backend | None = None) -> PaliGemma:
    """The same model with its passes in flight compiled, once it is as it shall be.

    Layers that are swapped afterwards may go unnoticed. `backend` is `torch.compile`'s.
    """
    return CompiledPaliGemma(model, backend or BACKEND)


class CompiledPaliGemma(PaliGemma):
    """Shares all its parts with the model that it is made of; one thread at a time may call it."""

    def __init__(self, model: PaliGemma, backend: Backend) -> None:
        nn.Module.__init__(self)  # not PaliGemma's, which would build new parts
        self.config = model.config
        self.vision, self.connector, self.text = model.vision, model.connector, model.text
        self.train(model.training)
        self._backend = backend
        self._passes: dict[Shape, Pass] = {}
        self._idle: list[Arena] = []

    def slot_cache(self) -> SlotCache:
        """One whose memory outlives it."""
        weight = self.text.embedding.weight
        return FixedCache(self.config.text, self._idle, dtype=weight.dtype, device=weight.device)

    def extend_ragged(
        self, tokens: TokenIds, counts: Sequence[int], cache: SlotCache
    ) -> Float[Tensor, "B T D"]:
        """As the plain one; the states of what is padding are others.

        Raises:
            PalikitError: nothing here can compile.
        """
        shape = cache.shape(*tokens.shape) if isinstance(cache, FixedCache) else None
        if shape is None or not self._has(shape):
            return super().extend_ragged(tokens, counts, cache)
        assert isinstance(cache, FixedCache)
        rows, width = tokens.shape
        padded = F.pad(tokens, (0, shape.width - width, 0, shape.rows - rows))
        ends = cache.take_fixed(counts, shape.rows)
        if padded.device.type == "cuda":
            # What the last pass gave has been used up: its memory is this one's.
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        try:
            hidden = self._passes[shape](self, padded, ends, *cache.look(shape.rows))
        except TorchDynamoException as error:
            raise _refusal(error, padded.device) from error
        return hidden[:rows, :width]

    def _has(self, shape: Shape) -> bool:
        """Whether a shape is compiled or will be now."""
        if shape in self._passes:
            return True
        if len(self._passes) == SHAPES:
            warnings.warn(
                f"{SHAPES} shapes of passes are compiled already; others are slower from here on",
                stacklevel=2,
            )
            return False
        self._passes[shape] = _compile(self._backend)
        return True

    def _pass(
        self, tokens: Int[Tensor, "R W"], ends: Int[Tensor, "2 R"], keys: Layers, values: Layers
    ) -> Float[Tensor, "R W D"]:
        """What is compiled: all sizes are the tensors' own, and nothing else decides anything.

        Args:
            ends: where each row starts, and how many of its tokens are real.
        """
        starts, counts = ends
        capacity = keys[0].shape[2] - 1
        ahead = torch.arange(tokens.shape[1], device=tokens.device)
        positions = starts[:, None] + ahead
        real = ahead < counts[:, None]
        slots = torch.where(real, positions, capacity)
        every = torch.arange(capacity, device=tokens.device)[None]
        visible = positions[:, :, None] >= every[:, None]
        cache = _Whole(keys, values, slots, real)
        return self._read_on(tokens, positions, visible, every, cache)


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """All slots of all rows, whatever is in them."""

    keys: Layers
    values: Layers
    slots: Int[Tensor, "R W"]
    real: Bool[Tensor, "R W"]

    def write(
        self, layer: int, keys: Float[Tensor, "R K W H"], values: Float[Tensor, "R K W H"]
    ) -> tuple[Float[Tensor, "R K S H"], Float[Tensor, "R K S H"]]:
        """Keep what is real; padding becomes zeros in the slot past the last."""
        rows = torch.arange(len(keys), device=keys.device)[:, None]
        for kept, new in ((self.keys[layer], keys), (self.values[layer], values)):
            real = torch.where(self.real[:, None, :, None], new, 0)
            kept[rows, :, self.slots] = real.transpose(1, 2)
        return self.keys[layer][:, :, :-1], self.values[layer][:, :, :-1]


def _compile(backend: Backend) -> Pass:
    # Compiled code hangs on the code object that it was made of, and only so many on one. A copy
    # for each shape and model also lets it go without asking in every pass whether the layers are
    # still the same, which for 26 of them took 0.14 ms.
    whole = inspect.unwrap(CompiledPaliGemma._pass)
    name = f"pass_{next(_numbers)}"
    own = FunctionType(whole.__code__.replace(co_name=name), whole.__globals__, name)
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_guard_on_all_nn_modules_unsafe
    }
    if backend == "inductor":
        options["triton.cudagraphs"] = True  # as mode="reduce-overhead" has it
    return torch.compile(own, fullgraph=True, dynamic=False, backend=backend, options=options)


def _refusal(error: TorchDynamoException, device: torch.device) -> PalikitError:
    cause = getattr(error, "inner_exception", error)
    reason, *_ = str(cause).strip().splitlines() or [type(cause).__name__]
    return PalikitError(
        f"a pass could not be compiled for {device.type} ({reason}): leave out compile, or install "
        "what torch.compile needs there, a C++ compiler for a CPU and Triton for a GPU"
    )
