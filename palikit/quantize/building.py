"""Our C sources, compiled for this machine's processor.

A build takes a second, once for each machine, compiler and source, and is kept in the user's cache
folder.
"""

import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

__all__ = ["FLAGS", "built"]

SOURCES = tuple(
    Path(__file__).with_name(name)
    for name in (
        *("kernels.c", "int4.c", "matrices.c", "attention.c", "fused.c", "rows.c"),
        *("laying.h", "panels.h", "lanes.h"),
    )
)
FLAGS = (
    *("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"),
    *("-shared", "-fPIC"),
)
SECONDS = 60


def built(compiler: str) -> Path:
    """The library, from the user's cache folder or compiled into it.

    Raises:
        OSError: there is no folder for it that is the user's alone.
        SubprocessError: the compiler did not make it.
    """
    folder = _own_folder()
    path = folder / f"kernels-{_key(compiler)}.so"
    if path.exists() and _is_ours(path):
        return path
    with tempfile.TemporaryDirectory(dir=folder) as room:
        fresh = Path(room) / "kernels.so"
        # PyTorch's own OpenMP, so that there are not two sets of threads that wait for each other.
        shared = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
        libraries = ["-Wl,--as-needed", *map(str, shared), "-lm"]
        command = [compiler, *FLAGS, "-o", str(fresh), *_translated(), *libraries]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        fresh.replace(path)
    return path


def _translated() -> Iterator[str]:
    return (str(source) for source in SOURCES if source.suffix == ".c")


def _key(compiler: str) -> str:
    """Of everything that a build depends on."""
    version = subprocess.run(
        [compiler, "--version"], check=True, capture_output=True, timeout=SECONDS
    )
    parts = [
        *(source.read_bytes() for source in SOURCES),
        version.stdout,
        *map(str.encode, FLAGS),
        _processor(),
    ]
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
