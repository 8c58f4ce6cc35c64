"""What a frozen vision tower makes of each picture, computed once and kept on disk.

`features.bin` holds one block of numbers a picture, in the order of `features.json`, which also
says what the numbers were made with: another tower, resize or list of pictures starts anew. A fill
that was killed goes on after the last whole block.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from palikit.data.pictures import open_picture
from palikit.data.records import Record
from palikit.errors import CheckpointError, ImageError
from palikit.inputs.image import Resize, stack_frames
from palikit.model.paligemma import PaliGemma

__all__ = ["FeatureFile", "fill_features"]

BATCH = 16
_BIN, _INDEX = "features.bin", "features.json"


@dataclass(frozen=True, slots=True)
class FeatureFile:
    """A filled file, opened again in each process that reads it."""

    folder: Path

    def read(self, record: Record) -> Float[Tensor, "I W"]:
        """The features of a record's pictures, float32.

        Raises:
            ImageError: its picture could not be read when the file was filled.
        """
        index, table = _open(self.folder)
        place = index[_key(record)]
        if place is None:
            raise ImageError(f"{record.pictures[0].name} could not be read")
        return torch.from_numpy(np.array(table[place], dtype=np.float32))


def fill_features(
    model: PaliGemma, resize: Resize, records: Sequence[Record], folder: Path
) -> FeatureFile:
    """Embed the pictures of all records, each once; what is there already stays.

    Raises:
        CheckpointError: the disk did not take them.
    """
    unique = list({_key(record): record for record in records}.values())
    told = {"made_with": _fingerprint(model, resize), "pictures": [_key(one) for one in unique]}
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept(folder / _INDEX, told)
    state: dict[str, Any] = (
        {**told, "shape": None, "done": 0, "broken": []} if kept is None else kept
    )
    try:
        with (folder / _BIN).open("r+b" if kept else "wb") as file:
            for start in range(state["done"], len(unique), BATCH):
                part = unique[start : start + BATCH]
                _append(file, state, start, _run(model, resize, part, state))
                state["done"] = start + len(part)
                _save(folder / _INDEX, state)
                _show(state["done"], len(unique))
    except OSError as error:
        raise CheckpointError(
            f"{folder} could not be written ({error}): free space there, or cache_features=False"
        ) from error
    return FeatureFile(folder)


@torch.inference_mode()
def _run(
    model: PaliGemma, resize: Resize, records: Sequence[Record], state: dict[str, Any]
) -> list[np.ndarray | None]:
    found: list[np.ndarray | None] = []
    weight = model.connector.weight
    for record in records:
        try:
            frames = stack_frames([open_picture(p) for p in record.pictures], resize)
        except ImageError:
            state["broken"].append(_key(record))
            found.append(None)
            continue
        pixels = frames[None].to(weight.device, weight.dtype)
        features = model.embed_image(pixels)[0].float().cpu().numpy()
        found.append(features)
        if state["shape"] is None:
            state["shape"] = list(features.shape)
    return found


def _append(
    file: Any, state: dict[str, Any], start: int, blocks: Sequence[np.ndarray | None]
) -> None:
    if state["shape"] is None:
        return
    size = 4 * int(np.prod(state["shape"]))
    for i, block in enumerate(blocks):
        file.seek((start + i) * size)
        file.write(bytes(size) if block is None else np.ascontiguousarray(block).tobytes())
    file.flush()
    os.fsync(file.fileno())


@cache
def _open(folder: Path) -> tuple[dict[str, int | None], np.ndarray]:
    state = json.loads((folder / _INDEX).read_text())
    broken = set(state["broken"])
    index = {key: None if key in broken else i for i, key in enumerate(state["pictures"])}
    if state["shape"] is None:
        return index, np.empty((0,), np.float32)
    shape = (len(index), *state["shape"])
    return index, np.memmap(folder / _BIN, np.float32, "r", shape=shape)


def _kept(path: Path, told: dict[str, Any]) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return state if all(state.get(key) == value for key, value in told.items()) else None


def _save(path: Path, state: dict[str, Any]) -> None:
    draft = path.with_suffix(".partial")
    draft.write_text(json.dumps(state))
    os.replace(draft, path)


def _key(record: Record) -> str:
    return "\n".join(picture.name for picture in record.pictures)


def _fingerprint(model: PaliGemma, resize: Resize) -> str:
    digest = hashlib.sha256(repr(resize).encode())
    for name, tensor in sorted(model.state_dict().items()):
        if not name.startswith(("vision.", "connector.")):
            continue
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _show(done: int, total: int) -> None:
    if done == total or (done // BATCH) % 20 == 0:
        print(f"features of {done} of {total} pictures", file=sys.stderr, flush=True)
