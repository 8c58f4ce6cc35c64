"""Starts a helper module in several processes at once, as `torchrun` would."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_many(size: int, module: str, folder: Path, *, timeout: float = 280) -> list[dict[str, Any]]:
    """Run `helpers.<module>` with a folder; what each process wrote to `rank-<n>.json` there."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = environment() | {"WORLD_SIZE": str(size), "MASTER_PORT": str(port)}
    shared["MASTER_ADDR"] = "127.0.0.1"
    command = [sys.executable, "-X", "faulthandler", "-m", f"helpers.{module}", str(folder)]
    running = [
        subprocess.Popen(
            command,
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        errors = [process.communicate(timeout=timeout)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * size, "\n".join(errors)
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(size)]


def environment() -> dict[str, str]:
    """Ours, with the package and these helpers to be found."""
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
