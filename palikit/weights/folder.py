"""Tensors of a Hugging Face folder by our names: one safetensors file or several, three spellings.

A tensor that stays as it is stored is a view of the mapped file. One that is converted is read
through a mapping of its own, so that the pages of the file leave memory with it.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from palikit.errors import CheckpointError
from palikit.model.paligemma import PaliGemma

from .names import hub_name, released_spelling
from .source import Source, name_some, read_json

__all__ = ["open_folder"]

_HEAD = "language_model.lm_head.weight"
_DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def open_folder(
    found: Source,
    model: PaliGemma,
    stack: ExitStack,
    *,
    kept: Callable[[torch.dtype], bool],
) -> tuple[Callable[[str], Tensor], set[str]]:
    """Our parameter's name to its tensor, and the names of tensors that no parameter takes.

    Args:
        stack: closes the files.
        kept: whether a tensor of this dtype goes into the model without conversion.
    """
    where: dict[str, tuple[Path, Any, str]] = {}
    for path in _shards(found):
        file = stack.enter_context(_open(path))
        for key in file.keys():  # noqa: SIM118
            if released_spelling(key) in where:
                raise CheckpointError(f"{found.name} holds {key} twice; the folder is a mixture")
            where[released_spelling(key)] = (path, file, key)
    post_norms = model.config.text.post_norms
    names = {name: hub_name(name, post_norms=post_norms) for name, _ in model.named_parameters()}
    missing = [theirs for theirs in names.values() if theirs not in where]
    if missing:
        raise CheckpointError(
            f"{found.name} lacks {len(missing)} tensors ({name_some(missing)}): download it again"
        )

    def read(theirs: str, *, mapped: bool = True) -> Tensor:
        path, file, key = where[theirs]
        code = file.get_slice(key).get_dtype()
        if code not in _DTYPES:
            raise CheckpointError(
                f"{found.name}: {key} is stored as {code}; "
                "give a checkpoint in float32, bfloat16 or float16"
            )
        if mapped and kept(_DTYPES[code]):
            whole: Tensor = file.get_tensor(key)
            return whole
        with _open(path) as alone:
            passing: Tensor = alone.get_tensor(key)
        return passing

    if _HEAD in where:
        table = names["text.embedding.weight"]
        _check_tied(read(_HEAD, mapped=False), read(table, mapped=False), found.name)
    extra = set(where) - set(names.values()) - {_HEAD}
    return (lambda name: read(names[name])), extra


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}): download it again"
        ) from error


def _check_tied(head: Tensor, table: Tensor, name: str) -> None:
    rows = min(len(head), len(table))
    if not torch.equal(head[:rows], table[:rows]):
        raise CheckpointError(
            f"{name} has an output head of its own; PaliGemma's is the embedding table, "
            "so this is another model or a broken merge"
        )


def _shards(found: Source) -> list[Path]:
    folder = found.path
    whole = folder / "model.safetensors"
    if whole.is_file():  # as others open it; shards of an older save may lie beside it
        return [whole]
    index = folder / "model.safetensors.index.json"
    listed = index.is_file()
    shards = _indexed(index) if listed else sorted(folder.glob("model*.safetensors"))
    absent = [path.name for path in shards if not path.is_file()]
    if absent:
        raise CheckpointError(
            f"{found.name} is half a checkpoint: it lacks {name_some(absent)}; download it again"
        )
    if not shards and any(folder.glob("*.bin")):
        raise CheckpointError(
            f"{found.name} has its weights as pickles (.bin), which can run any code and are never "
            "opened: convert them to safetensors"
        )
    if not shards:
        raise CheckpointError(
            f"{found.name} is half a checkpoint: it lacks model.safetensors; download it again"
        )
    return shards


def _indexed(index: Path) -> list[Path]:
    placed = read_json(index).get("weight_map")
    if not isinstance(placed, dict) or not placed:
        raise CheckpointError(f"{index} has no weight_map: download it again")
    names = sorted({str(name) for name in placed.values()})
    # An index may come from anyone: what it names must lie beside it.
    strange = [n for n in names if Path(n).name != n or not n.endswith(".safetensors")]
    if strange:
        raise CheckpointError(
            f"{index} names files that are no safetensors beside it ({name_some(strange)}): "
            "download it again"
        )
    return [index.parent / name for name in names]
