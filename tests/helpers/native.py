"""The kernels in C for tests, where this machine can build them."""

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import torch

from palikit.quantize import building
from palikit.quantize.native import Kernels, kernels


@cache
def can_compile() -> bool:
    """Whether this machine builds anything at all with our flags; then it must build ours."""
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "empty.c")
        source.write_text("int nothing(void) { return 0; }")
        command = [compiler, *building.FLAGS, "-o", str(source.with_suffix(".so")), str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def built() -> Kernels:
    if not can_compile():
        pytest.skip("this machine has no C compiler with OpenMP, so there are no kernels to test")
    found = kernels()
    assert found is not None, "kernels.c was not built, or could not be loaded"
    return found


@contextmanager
def built_for(flag: str, patch: pytest.MonkeyPatch) -> Iterator[Kernels]:
    """Kernels for a processor that lacks what the compiler's flag says; none for this one's own."""
    if flag and platform.machine() != "x86_64":
        pytest.skip("only processors of this kind have it to go without")
    if flag:
        patch.setattr(building, "FLAGS", (*building.FLAGS, flag))
    kernels.cache_clear()
    yield built()
    kernels.cache_clear()


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
