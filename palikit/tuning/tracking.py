"""How many bytes of tensors are alive, operation by operation, and what they are.

Works alike on real tensors and on those of the device `meta`, which have sizes and no numbers; what
a kernel allocates for itself and frees again is not seen.
"""

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

__all__ = ["KINDS", "LiveBytes", "Parts"]

KINDS = ("weights", "gradients", "moments", "activations", "logits", "cache")
Parts = dict[str, float]
"""Bytes of each of KINDS."""


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the storages of all tensors that come to be while it is active.

        with torch.device("meta"), LiveBytes(vocabulary) as live:
            model = ...
            live.name(model.parameters(), "weights")
            live.begin("forward")
            ...
        live.peaks      {"forward": {"weights": 6.1e9, "gradients": 0, ..., "logits": 2.6e8}, ...}

    A tensor is an activation until it gets another name; those with as many columns as there are
    words are logits.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.vocabulary = vocabulary
        self.peaks: dict[str, Parts] = {}
        self._live: Parts = dict.fromkeys(KINDS, 0)
        self._sizes: dict[int, tuple[int, str]] = {}
        self._stage, self._total, self._highest = "", 0, 0

    def begin(self, stage: str) -> None:
        """The fullest moment from here on is that of another stage."""
        self._stage, self._highest = stage, self._total
        self.peaks[stage] = dict(self._live)

    def name(self, tensors: Iterable[Tensor], kind: str) -> None:
        """Say what these are."""
        for tensor in tensors:
            self._forget(key := tensor.untyped_storage()._cdata, keep=True)
            size, _ = self._sizes[key]
            self._sizes[key] = size, kind
            self._live[kind] += size

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = self.run(func, args, kwargs or {})
        for one in tree_iter(out):
            if isinstance(one, Tensor):
                self._take(one)
        return out

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One operation; a subclass may do it in another way."""
        return func(*args, **kwargs)

    def _take(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._sizes:
            return
        kind = "logits" if self.vocabulary in tensor.shape[1:] else "activations"
        size = storage.nbytes()
        self._sizes[key] = size, kind
        self._live[kind] += size
        self._total += size
        weakref.finalize(storage, self._forget, key)
        if self._total > self._highest and self._stage:
            self._highest = self._total
            self.peaks[self._stage] = dict(self._live)

    def _forget(self, key: int, keep: bool = False) -> None:
        size, kind = self._sizes[key] if keep else self._sizes.pop(key)
        self._live[kind] -= size
        self._total -= 0 if keep else size
