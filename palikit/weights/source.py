"""From what a user calls a checkpoint to files on this machine, or what to do about it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from palikit.errors import CheckpointError

from .hub import download

__all__ = ["ADAPTER", "Source", "find", "name_some", "read_json"]

ADAPTER = "adapter_config.json"

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
_WANTED = ["*.safetensors", "*.json", "tokenizer.model", "*.npz"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint lies.

    Attributes:
        kind: `folder` in Hugging Face's layout, or big_vision's `npz`.
        path: of the folder or file.
        name: what the user called it, for errors.
        adapter: a folder of low-rank adapters that belong around its layers.
    """

    kind: Literal["folder", "npz"]
    path: Path
    name: str
    adapter: Path | None = None

    def file(self, name: str) -> Path | None:
        """A file beside the weights, where there is one."""
        folder = self.path if self.kind == "folder" else self.path.parent
        return folder / name if (folder / name).is_file() else None


def find(source: str | Path) -> Source:
    """A folder, a `.npz`, `nano`, or a hub id such as `google/paligemma2-3b-mix-448`.

    A hub id may end in `@revision`. A folder of adapters, as PEFT writes it, stands for the
    checkpoint that it names as its base, with the adapters around it.

    Raises:
        CheckpointError: there is no such thing, or it may not be downloaded, and what to do.
    """
    name = str(source)
    if name == "nano":
        return Source("folder", Path(str(files("palikit.assets") / "nano")), name)
    path = Path(source).expanduser() if name.startswith("~/") else Path(source)
    if name and path.is_dir():
        return _in_folder(path, name)
    if path.is_file():
        if path.suffix != ".npz":
            raise CheckpointError(
                f"{name} is neither a checkpoint folder nor an .npz file: give one of those"
            )
        return Source("npz", path, name)
    hub = _HUB_ID.fullmatch(name)
    if hub is None or path.suffix == ".npz":
        raise CheckpointError(
            f"there is no checkpoint at {name!r}: give 'nano', a folder, an .npz file, "
            "or a hub id such as google/paligemma2-3b-mix-448"
        )
    folder = download(hub["repo"], _WANTED, CheckpointError, revision=hub["revision"])
    return _in_folder(folder, name)


def _in_folder(path: Path, name: str) -> Source:
    if (path / "config.json").is_file():
        return Source("folder", path, name)
    # The reference's own files are also published as a folder with nothing but an .npz in it.
    arrays = [p for p in path.glob("*.npz") if p.name != "vae-oid.npz"]
    if len(arrays) == 1:
        return Source("npz", arrays[0], name)
    if (path / ADAPTER).is_file():
        return _adapted(path, name)
    raise CheckpointError(
        f"{name} is a folder without config.json: give the folder of a PaliGemma checkpoint"
    )


def _adapted(path: Path, name: str) -> Source:
    base = read_json(path / ADAPTER).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise CheckpointError(
            f"{name} holds adapters that do not say of which checkpoint: write its name as "
            f"base_model_name_or_path into {path / ADAPTER}"
        )
    found = find(base)
    if found.adapter is not None:
        raise CheckpointError(f"{name} holds adapters of adapters ({base}): merge the first ones")
    return replace(found, name=name, adapter=path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a checkpoint's file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not readable JSON ({error}): download it again"
        ) from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} does not hold a JSON object: download it again")
    return found


def name_some(names: Iterable[str], most: int = 3) -> str:
    """The first few names and how many more there are, for an error."""
    ordered = sorted(names)
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + rest
