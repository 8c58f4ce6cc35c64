"""Weights into a model: built on `meta`, filled tensor by tensor from mapped files, strictly.

Every parameter is found, has its shape and is finite, and nothing is left over, or there is an error that names
names. A tensor that needs no conversion stays in the mapped file and takes no memory of its own.
"""

import json
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from palikit.config import PRESETS, PaliGemmaConfig
from palikit.errors import CheckpointError, UsageError
from palikit.model.paligemma import PaliGemma

from .hf_config import from_hf
from .names import hub_name, npz_entry, released_spelling
from .npz import NpzFile
from .positions import resample_positions
from .source import Source, find

__all__ = ["load_config", "load_model"]

Read = Callable[[str], Tensor]
"""Our parameter's name to its tensor as the file has it, in our layout."""

_HEAD = "language_model.lm_head.weight"
_NEW_ROW_STD = 0.02


def load_config(source: str | Path | Source) -> PaliGemmaConfig:
    """What a checkpoint is made of: its `config.json`, or the published size whose shapes an `.npz` has."""
    found = source if isinstance(source, Source) else find(source)
    if found.kind == "npz":
        return _guess(NpzFile(found.path))
    return from_hf(_read_json(found.path / "config.json"), str(found.path / "config.json"))


def load_model(
    source: str | Path | Source,
    config: PaliGemmaConfig | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
) -> PaliGemma:
    """A checkpoint as a model, ready to answer.

    Args:
        source: a folder, an `.npz`, `nano` or a hub id.
        config: where the source has none, or to ask for another picture size: positions are then resampled.
        dtype: None keeps what is stored; `"bfloat16"`, `"float32"`. float16 overflows in Gemma 2, and is used only
            where it is asked for here.

    Raises:
        CheckpointError: the checkpoint is absent, gated, half there, mis-shaped or not finite.
    """
    found = source if isinstance(source, Source) else find(source)
    config = config or load_config(found)
    wanted = parse_dtype(dtype)
    with torch.device("meta"):
        model = PaliGemma(config)
    with ExitStack() as stack:
        read, extra = (
            _open_npz(found, model) if found.kind == "npz" else _open_folder(found, model, stack)
        )
        _assign(model, read, extra, found.name, torch.device(device), wanted)
    return model.eval().requires_grad_(False)


def parse_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """A dtype by its name."""
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in names:
        raise UsageError(f"dtype {dtype!r} is not known: write one of {', '.join(names)}")
    return names[dtype]


def _assign(
    model: PaliGemma,
    read: Read,
    extra: Collection[str],
    name: str,
    device: torch.device,
    dtype: torch.dtype | None,
) -> None:
    if extra:
        raise CheckpointError(
            f"{name} holds tensors that PaliGemma has no place for: {_some(extra)}"
        )
    rows = model.config.text.vocab_size
    for key, parameter in list(model.named_parameters()):
        tensor = read(key)
        if key == "text.embedding.weight":
            tensor = _fit_rows(tensor, rows)
        if key == "vision.pos_embedding":
            tensor = resample_positions(tensor, parameter.shape[0])
        if tensor.shape != parameter.shape:
            raise CheckpointError(
                f"{name}: {key} has shape {list(tensor.shape)}, "
                f"its configuration needs {list(parameter.shape)}"
            )
        if tensor.dtype == torch.float16 and dtype is None and model.config.text.post_norms:
            raise CheckpointError(
                f"{name} is stored as float16, in which Gemma 2 overflows: "
                "pass dtype='bfloat16', or dtype='float16' to have it all the same"
            )
        low, high = tensor.aminmax()
        if not (torch.isfinite(low) and torch.isfinite(high)):
            raise CheckpointError(
                f"{name}: {key} holds numbers that are not finite; the file is broken"
            )
        tensor = tensor.to(device=device, dtype=dtype or tensor.dtype).contiguous()
        owner, _, leaf = key.rpartition(".")
        setattr(model.get_submodule(owner), leaf, nn.Parameter(tensor, requires_grad=False))


def _fit_rows(table: Tensor, rows: int) -> Tensor:
    """Rows past the last token are padding of the file; missing ones are drawn as the reference draws them."""
    if table.shape[0] >= rows:
        return table[:rows]
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(rows - table.shape[0], table.shape[1], generator=generator) * _NEW_ROW_STD
    return torch.cat([table, drawn.to(table.dtype)])


def _open_folder(found: Source, model: PaliGemma, stack: ExitStack) -> tuple[Read, set[str]]:
    where: dict[str, Any] = {}
    for path in _shards(found):
        try:
            file = stack.enter_context(safe_open(path, framework="pt"))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is not a whole safetensors file ({error}): download it again"
            ) from error
        where.update((released_spelling(key), (file, key)) for key in file.keys())  # noqa: SIM118
    post_norms = model.config.text.post_norms
    names = {name: hub_name(name, post_norms=post_norms) for name, _ in model.named_parameters()}
    missing = [theirs for theirs in names.values() if theirs not in where]
    if missing:
        raise CheckpointError(f"{found.name} lacks {len(missing)} tensors: {_some(missing)}")

    def stored(theirs: str) -> Tensor:
        file, key = where[theirs]
        tensor: Tensor = file.get_tensor(key)
        return tensor

    if _HEAD in where:
        _check_tied(stored(_HEAD), stored(names["text.embedding.weight"]), found.name)
    extra = set(where) - set(names.values()) - {_HEAD}
    return (lambda name: stored(names[name])), extra


def _check_tied(head: Tensor, table: Tensor, name: str) -> None:
    rows = min(len(head), len(table))
    if not torch.equal(head[:rows], table[:rows]):
        raise CheckpointError(
            f"{name} has an output head of its own; PaliGemma's is the embedding table, "
            "so this is another model or a broken merge"
        )


def _shards(found: Source) -> list[Path]:
    folder = found.path
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        named = sorted({str(name) for name in _read_json(index).get("weight_map", {}).values()})
        # A file name from an index must not lead out of its folder.
        shards = [folder / Path(name).name for name in named]
    else:
        shards = sorted(folder.glob("*.safetensors"), key=lambda p: p.name)
        shards = [p for p in shards if p.name.startswith("model")]
    absent = [p.name for p in shards if not p.is_file()]
    if absent or not shards:
        lacking = _some(absent) if absent else "model.safetensors"
        raise CheckpointError(
            f"{found.name} is half a checkpoint: it lacks {lacking}; download it again"
        )
    return shards


def _open_npz(found: Source, model: PaliGemma) -> tuple[Read, set[str]]:
    file = NpzFile(found.path)
    entries = {name: npz_entry(name) for name, _ in model.named_parameters()}
    wanted = {entry.key for entry in entries.values()}
    missing = wanted - file.keys
    if missing:
        raise CheckpointError(f"{found.name} lacks {len(missing)} arrays: {_some(missing)}")
    layers = {entry.key: entry.index[0] + 1 for entry in entries.values() if entry.index}
    for key, depth in layers.items():
        if file.shape(key)[0] != depth:
            raise CheckpointError(
                f"{found.name}: {key} has {file.shape(key)[0]} layers, its configuration {depth}"
            )

    def read(name: str) -> Tensor:
        entry = entries[name]
        return entry.shape(file.read(entry.key, entry.index))

    return read, file.keys - wanted


def _guess(file: NpzFile) -> PaliGemmaConfig:
    """The published configuration with this file's widths and number of positions."""
    table, positions = "llm/embedder/input_embedding", "img/pos_embedding"
    for key in (table, positions):
        if key not in file.keys:
            raise CheckpointError(f"{file.path} is not a PaliGemma file: it has no array {key}")
    width, patches = file.shape(table)[1], file.shape(positions)[1]
    vision_width = file.shape(positions)[-1]
    for config in PRESETS.values():
        same = (config.text.width, config.tokens_per_image, config.vision.width)
        if same == (width, patches, vision_width):
            return config
    raise CheckpointError(
        f"{file.path} has width {width} and {patches} image tokens, which no published model has: "
        "pass config="
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not readable JSON ({error}): download it again"
        ) from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} does not hold a JSON object: download it again")
    return found


def _some(names: Iterable[str], most: int = 3) -> str:
    ordered = sorted(names)
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + rest
