"""`kernels.c`, built for this machine's processor where it has a C compiler; nothing elsewhere.

PyTorch's own products of one row with a stored weight read memory at a half to two thirds of its
speed. A build takes half a second, once for each machine and source, and is kept in the user's
cache folder; PALIKIT_KERNELS=off goes without.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import BFloat16, Float, Int8, Int32, UInt8
from torch import Tensor

__all__ = ["MOST_ROWS", "Kernels", "are_few", "fits", "kernels"]

MOST_ROWS = 4
"""Of a call; with more of them, a matrix product is faster."""

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = (
    *("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"),
    *("-shared", "-fPIC"),
)
BLOCK = 64
SECONDS = 60
SWITCH = "PALIKIT_KERNELS"


class Kernels:
    """The library's functions over contiguous tensors on the CPU, whose sizes C does not check.

    `half`, `int8` and `int4` are products of 1 to MOST_ROWS rows; the others take any number.
    """

    def __init__(self, path: Path) -> None:
        """Open a built library.

        Raises:
            OSError: it cannot be loaded.
        """
        library = ctypes.CDLL(str(path))
        self._half = _declare(library.half_rows, pointers=3, sizes=3)
        self._int8 = _declare(library.int8_rows, pointers=5, sizes=3)
        self._int4 = _declare(library.int4_rows, pointers=8, sizes=5)
        self._round = _declare(library.round_rows, pointers=3, sizes=2)
        self._scale = _declare(library.scale_sums, pointers=4, sizes=3)
        self._unpack = _declare(library.unpack_int4, pointers=4, sizes=4)

    def half(self, x: Float[Tensor, "r i"], weight: BFloat16[Tensor, "o i"]) -> Tensor:
        """x Wᵀ: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(weight)
        assert are_few(rows), rows
        assert inputs == weight.shape[1], (x.shape, weight.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        self._half(*_at(weight, x, out), rows, inputs, outputs, torch.get_num_threads())
        return out

    def int8(
        self, x: Float[Tensor, "r i"], packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]
    ) -> Tensor:
        """As `int8_product`, to the last bit: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(packed)
        assert are_few(rows), rows
        assert inputs == packed.shape[1], (x.shape, packed.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        room = torch.empty(rows, inputs, dtype=torch.int16)
        threads = torch.get_num_threads()
        self._int8(*_at(packed, scale, x, out, room), rows, inputs, outputs, threads)
        return out

    def int4(
        self,
        x: Float[Tensor, "r i"],
        codes: UInt8[Tensor, "blocks padded 32"],
        steps: UInt8[Tensor, "groups o"],
        offsets: Int8[Tensor, "groups o"],
        scale: Float[Tensor, " o"],
    ) -> Tensor:
        """As `int4_product`, to the last bit: float32 [r, o]."""
        (rows, inputs), padded, outputs = x.shape, codes.shape[1], len(scale)
        assert are_few(rows), rows
        assert inputs <= padded, (x.shape, codes.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        room = torch.empty(rows, padded, dtype=torch.int8)
        sums = torch.empty(rows, len(steps), dtype=torch.int32)
        sizes = (rows, inputs, padded, outputs, padded // len(steps))
        arrays = _at(codes, steps, offsets, scale, x, out, room, sums)
        self._int4(*arrays, *sizes, torch.get_num_threads())
        return out

    def round_rows(
        self, x: Float[Tensor, "r i"]
    ) -> tuple[Int8[Tensor, "r i"], Float[Tensor, " r"]]:
        """As `int8.round_rows`, to the last bit."""
        x = x.float().contiguous()
        rounded, scale = torch.empty(x.shape, dtype=torch.int8), torch.empty(len(x))
        self._round(*_at(x, rounded, scale), *x.shape, torch.get_num_threads())
        return rounded, scale

    def scale_sums(
        self,
        sums: Int32[Tensor, "r o"],
        x_scale: Float[Tensor, " r"],
        scale: Float[Tensor, " o"],
        out: Float[Tensor, "r o"],
    ) -> None:
        """sums * x_scale[:, None] * scale, into `out`, whose rows may be parts of longer ones."""
        assert out.stride(1) == 1
        threads = torch.get_num_threads()
        arrays = _at(sums, x_scale, scale, out)
        self._scale(*arrays, *sums.shape, out.stride(0), threads)

    def unpack_int4(
        self,
        codes: UInt8[Tensor, "blocks padded 32"],
        steps: UInt8[Tensor, "groups o"],
        offsets: Int8[Tensor, "groups o"],
        first: int,
        blocks: int,
    ) -> Int8[Tensor, "padded outputs"]:
        """As `int4.unpack_int4` of so many blocks from the first."""
        padded, outputs = codes.shape[1], steps.shape[1]
        out = torch.empty(padded, blocks * BLOCK, dtype=torch.int8)
        sizes = (blocks, padded, outputs, padded // len(steps))
        at = first * BLOCK
        arrays = _at(codes[first:], steps[:, at:], offsets[:, at:], out)
        self._unpack(*arrays, *sizes, torch.get_num_threads())
        return out


def are_few(rows: int) -> bool:
    """Whether `half`, `int8` and `int4` take so many; none at all is not for them."""
    return 1 <= rows <= MOST_ROWS


def fits(*tensors: Tensor) -> bool:
    """Whether the kernels can read these."""
    return not torch.compiler.is_compiling() and all(
        tensor.device.type == "cpu" and tensor.is_contiguous() for tensor in tensors
    )


@cache
def kernels() -> Kernels | None:
    """The library, built if it is not yet; None where it cannot be or is not wanted."""
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None or os.name != "posix" or os.environ.get(SWITCH) == "off":
        return None
    try:
        return Kernels(_built(compiler))
    # Whatever this machine lacks, PyTorch's own kernels do the same.
    except (OSError, subprocess.SubprocessError):
        return None


def _declare(function: Any, *, pointers: int, sizes: int) -> Callable[..., None]:
    function.restype = None
    function.argtypes = [*[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * sizes, ctypes.c_int]
    return cast(Callable[..., None], function)


def _at(*tensors: Tensor) -> Iterator[int]:
    return (tensor.data_ptr() for tensor in tensors)


def _built(compiler: str) -> Path:
    folder = _own_folder()
    path = folder / f"kernels-{_key(compiler)}.so"
    if path.exists() and _is_ours(path):
        return path
    with tempfile.TemporaryDirectory(dir=folder) as room:
        fresh = Path(room) / "kernels.so"
        # PyTorch's own OpenMP, so that there are not two sets of threads that wait for each other.
        shared = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
        libraries = ["-Wl,--as-needed", *map(str, shared), "-lm"]
        command = [compiler, *FLAGS, "-o", str(fresh), str(SOURCE), *libraries]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        fresh.replace(path)
    return path


def _key(compiler: str) -> str:
    """Of everything that a build depends on."""
    version = subprocess.run(
        [compiler, "--version"], check=True, capture_output=True, timeout=SECONDS
    )
    parts = [SOURCE.read_bytes(), version.stdout, *map(str.encode, FLAGS), _processor()]
    parts.append(torch.__version__.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _processor() -> bytes:
    """What tells it from another in whose place the folder might be opened."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return platform.processor().encode()
    return next((line for line in lines if line.startswith((b"flags", b"Features"))), b"")


def _own_folder() -> Path:
    """A folder that nobody else can write to: what lies in it is run.

    Raises:
        OSError: there is none.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "palikit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"others can write to {folder}")
    return folder


def _is_ours(path: Path) -> bool:
    told = path.stat()
    return told.st_uid == os.getuid() and not told.st_mode & 0o022
