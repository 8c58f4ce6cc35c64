"""What the machine has free, and the settings that follow from it."""

import ctypes
import os
import sys
from pathlib import Path

import torch

from palikit.decode.room import Room, default_room
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import bytes_a_token

__all__ = ["free_bytes", "keep_freed_memory", "room_for"]

UNKNOWN = 4 << 30
"""Taken for free where nothing says what is."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's <malloc.h>."""

KEPT = 64 << 20
"""More than one layer's intermediate results at 224 px, whose largest takes 10 MB."""

MAPPED = 32 << 20
"""From this size on, memory is the system's anew each time; glibc takes no more."""


def room_for(model: PaliGemma, *, slots: int | None = None, cache_bytes: int | None = None) -> Room:
    """How much of a model's work may be in flight; None leaves a setting to the machine."""
    weight = model.text.embedding.weight
    return default_room(
        bytes_a_token(model.config.text, weight.dtype),
        model.config.tokens_per_image,
        free_bytes(weight.device),
        on_cpu=weight.device.type == "cpu",
        slots=slots,
        cache_bytes=cache_bytes,
    )


def free_bytes(device: torch.device) -> int:
    """Memory that is free where a device's tensors are."""
    if device.type == "cuda":
        # What torch holds for later is free as well.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + held
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    known = [free for free in (_free_in_host(), _free_in_container()) if free is not None]
    return min(known, default=UNKNOWN)


def keep_freed_memory() -> bool:
    """Let glibc keep what a layer frees for the next one; True if it does now.

    By default it gives a result of some megabytes back to the system at once, which clears every
    page of it anew: a sixth of an int8 first token. Where MALLOC_TRIM_THRESHOLD_ or
    MALLOC_MMAP_THRESHOLD_ say what is wanted, that is left alone.
    """
    if sys.platform != "linux" or any(
        name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
    ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT) and mallopt(M_MMAP_THRESHOLD, MAPPED))


def _free_in_host(file: Path = Path("/proc/meminfo")) -> int | None:
    """`MemAvailable:   21857860 kB`, as Linux says it."""
    try:
        lines = file.read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None


def _free_in_container(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """A container's limit less what it uses, files kept in memory aside; None without a limit."""
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return max(0, limit - used + int(stat["file"]))
    except (OSError, ValueError, KeyError):
        return None
