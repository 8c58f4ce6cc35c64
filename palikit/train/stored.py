"""A safetensors file written tensor by tensor, so that only one must be in memory at a time.

The library's `save_file` wants all of them at once. The format is a length, a header in JSON, and
the numbers one after another: https://huggingface.co/docs/safetensors, "Format".
"""

import json
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["write_tensors"]

_NAMES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.int64: "I64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
}


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    full: Callable[[Tensor], Tensor],
    *,
    write: bool = True,
) -> None:
    """Write a file, whole or not at all.

    Args:
        full: all of a tensor; every process calls it on the same tensors in the same order, even
            where the disk is full.
        write: False for processes that only help to gather.

    Raises:
        OSError: the disk did not take it.
    """
    # Wide numbers first, which leaves every tensor aligned.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    parts = (full(tensors[name]) for name in names)
    draft = path.with_suffix(".partial")
    try:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(draft, _header({name: tensors[name] for name in names}, metadata), parts)
            os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    finally:
        deque(parts, maxlen=0)


def _header(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    described: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        described[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _write(path: Path, header: bytes, tensors: Iterable[Tensor]) -> None:
    with path.open("wb") as file:
        file.write(header)
        for tensor in tensors:
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)
