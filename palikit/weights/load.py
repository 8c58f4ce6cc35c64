"""Weights into a model: built on `meta`, filled tensor by tensor from mapped files, strictly.

Every parameter is found, has its shape and is finite, and nothing is left over, or there is an
error that names names. A tensor that needs no conversion stays in the mapped file and takes no
memory of its own.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from palikit.config import PRESETS, PaliGemmaConfig
from palikit.errors import CheckpointError
from palikit.model.paligemma import PaliGemma

from .folder import open_folder
from .hf_config import EXTRA_ROWS, from_hf
from .names import npz_entry
from .npz import NpzFile
from .packed import read_quantization
from .peft import apply_adapter
from .places import parse_device, parse_dtype
from .positions import resample_positions
from .source import Source, find, name_some, read_json

__all__ = ["load_config", "load_model"]

Read = Callable[[str], Tensor]
"""Our parameter's name to its tensor as the file has it, in our layout."""

Prepare = Callable[[PaliGemma], Callable[[str, Tensor], bool]]
"""Exchanges modules of a model on `meta`; what it returns is offered each parameter's name and its
tensor as stored, and says whether it has taken it into one of those modules."""

_NEW_ROW_STD = 0.02


def load_config(source: str | Path | Source) -> PaliGemmaConfig:
    """What a checkpoint is made of: its `config.json`, or the published size that an `.npz` has."""
    found = source if isinstance(source, Source) else find(source)
    if found.kind == "npz":
        return _guess(NpzFile(found.path))
    path = found.path / "config.json"
    return from_hf(read_json(path), str(path))


def load_model(
    source: str | Path | Source,
    config: PaliGemmaConfig | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    *,
    prepare: Prepare | None = None,
) -> PaliGemma:
    """A checkpoint as a model, ready to answer.

    Args:
        source: a folder, an `.npz`, `nano` or a hub id.
        config: where the source has none, or to ask for another picture size or more vocabulary:
            positions are then resampled, new rows drawn as the reference draws them.
        dtype: None keeps what is stored; `"bfloat16"`, `"float32"`. float16 overflows in Gemma 2,
            and is used only where it is asked for here.
        prepare: exchanges modules before weights are read, to hold these in another way.

    Raises:
        CheckpointError: the checkpoint is absent, gated, half there, mis-shaped or not finite.
        UsageError: the device or dtype cannot be had.
    """
    wanted, place = parse_dtype(dtype), parse_device(device)
    found = source if isinstance(source, Source) else find(source)
    _refuse_quantised(found)
    with torch.device("meta"):
        model = PaliGemma(config or load_config(found))

    def kept(stored: torch.dtype) -> bool:
        return prepare is None and place.type == "cpu" and wanted in (None, stored)

    with ExitStack() as stack:
        if found.kind == "npz":
            read, extra = _open_npz(found, model)
        else:
            read, extra = open_folder(found, model, stack, kept=kept)
        if extra:
            raise CheckpointError(
                f"{found.name} holds tensors that PaliGemma has no place for: {name_some(extra)}"
            )
        fit = _Fit(found, model.config, adapt=config is not None, dtype=wanted)
        # The largest first: what is read beside the model is then never more than what is to come.
        by_size = sorted(model.named_parameters(), key=lambda item: -item[1].numel())
        take = prepare(model) if prepare else None
        for name, parameter in by_size:
            tensor = fit(name, read(name), parameter.shape).to(place)
            if not (take and take(name, tensor)):
                _put(model, name, tensor.to(wanted or tensor.dtype).contiguous())
    apply_adapter(model, found)
    return model.eval().requires_grad_(False)


def _refuse_quantised(found: Source) -> None:
    described = read_quantization(found)
    if described is not None:
        raise CheckpointError(
            f"{found.name} is quantised ({described.get('mode')}), which palikit.load opens: "
            "use that, or give the checkpoint that it was made of"
        )


class _Fit:
    """A stored tensor as its parameter needs it, or the error that says what is wrong with it.

    `adapt` is for a caller who brought a configuration of their own: without one, a checkpoint has
    to be what its own configuration says.
    """

    def __init__(
        self, found: Source, config: PaliGemmaConfig, *, adapt: bool, dtype: torch.dtype | None
    ) -> None:
        self.name = found.name
        self.padding = EXTRA_ROWS if found.kind == "folder" else 0
        self.adapt = adapt
        self.gemma2_as_stored = config.text.post_norms and dtype is None

    def __call__(self, key: str, tensor: Tensor, shape: torch.Size) -> Tensor:
        if tensor.ndim == len(shape):
            if key == "text.embedding.weight":
                tensor = self._fit_rows(tensor, shape[0])
            if key == "vision.pos_embedding" and self.adapt:
                tensor = resample_positions(tensor, shape[0])
        if tensor.shape != shape:
            raise CheckpointError(
                f"{self.name}: {key} has shape {list(tensor.shape)}, "
                f"its configuration needs {list(shape)}"
            )
        if tensor.dtype == torch.float16 and self.gemma2_as_stored:
            raise CheckpointError(
                f"{self.name} is stored as float16, in which Gemma 2 overflows: "
                "pass dtype='bfloat16', or dtype='float16' to have it all the same"
            )
        if not torch.isfinite(torch.stack(tensor.aminmax())).all():
            raise CheckpointError(
                f"{self.name}: {key} holds NaN or infinite numbers; "
                "download it again, or save it from an earlier step"
            )
        return tensor

    def _fit_rows(self, table: Tensor, rows: int) -> Tensor:
        missing = rows - len(table)
        if -self.padding <= missing <= 0:
            return table[:rows]
        if missing > 0 and self.adapt:
            generator = torch.Generator().manual_seed(0)
            drawn = torch.randn(missing, table.shape[1], generator=generator) * _NEW_ROW_STD
            return torch.cat([table, drawn.to(table.dtype)])
        return table


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, nn.Parameter(tensor, requires_grad=False))


def _open_npz(found: Source, model: PaliGemma) -> tuple[Read, Collection[str]]:
    file = NpzFile(found.path)
    entries = {name: npz_entry(name) for name, _ in model.named_parameters()}
    wanted = {entry.key for entry in entries.values()}
    missing = wanted - file.keys
    if missing:
        raise CheckpointError(
            f"{found.name} lacks {len(missing)} arrays ({name_some(missing)}): download it again"
        )
    depths = {entry.key: entry.index[0] + 1 for entry in entries.values() if entry.index}
    for key, depth in depths.items():
        layers = file.shape(key)[:1]
        if layers != (depth,):
            raise CheckpointError(
                f"{found.name}: {key} has {layers[0] if layers else 'no'} layers, "
                f"its configuration {depth}"
            )

    def read(name: str) -> Tensor:
        entry = entries[name]
        try:
            return entry.shape(file.read(entry.key, entry.index))
        except (IndexError, RuntimeError) as error:
            raise CheckpointError(
                f"{found.name}: {entry.key} has shape {list(file.shape(entry.key))}, "
                "which no PaliGemma has"
            ) from error

    return read, file.keys - wanted


def _guess(file: NpzFile) -> PaliGemmaConfig:
    """The published configuration with this file's widths, depth and number of positions."""
    shapes: list[tuple[int, ...]] = []
    for key, axes in (
        ("llm/embedder/input_embedding", 2),
        ("img/pos_embedding", 3),
        ("llm/layers/mlp/linear", 3),
    ):
        if key not in file.keys or len(file.shape(key)) != axes:
            raise CheckpointError(
                f"{file.path} is not a PaliGemma file: it has no array {key} of {axes} axes"
            )
        shapes.append(file.shape(key))
    (_, width), (_, patches, vision_width), (depth, mlp_dim, _) = shapes
    found = (width, depth, mlp_dim, vision_width, patches)
    for config in PRESETS.values():
        text = config.text
        sizes = (text.width, text.depth, text.mlp_dim)
        if (*sizes, config.vision.width, config.tokens_per_image) == found:
            return config
    raise CheckpointError(
        f"{file.path} has width {width}, {depth} layers and {patches} image tokens, "
        "which no published model has: pass config="
    )
