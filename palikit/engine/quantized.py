"""Where weights' files and packed modules meet: quantised while read, or read as quantised."""

from pathlib import Path

import torch

from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, pack_into, quantize_model
from palikit.weights.load import load_config, load_model
from palikit.weights.packed import load_packed, read_quantization
from palikit.weights.peft import apply_adapter
from palikit.weights.places import parse_device, parse_dtype
from palikit.weights.save import save_packed
from palikit.weights.source import Source, find

__all__ = ["open_model", "quantize_folder"]


def open_model(
    found: Source,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    quantize: str | None = None,
) -> PaliGemma:
    """A checkpoint as a model, its weights packed if they are to be or are already.

    Raises:
        CheckpointError: as `load_model`.
        UsageError: it is quantised already, or there is no such way.
    """
    described = read_quantization(found)
    if described is not None and quantize is not None:
        raise UsageError(
            f"{found.name} is quantised already ({described.get('mode')}): leave out quantize, "
            "or give the checkpoint that it was made of"
        )
    if described is not None:
        return _open_packed(found, Quantization.read(described, found.name), device, dtype)
    if quantize is None:
        return load_model(found, device=device, dtype=dtype)
    wanted = _activations(device, dtype)
    prepare = pack_into(Quantization.named(quantize), wanted)
    return load_model(found, device=device, dtype=wanted, prepare=prepare)


def quantize_folder(source: str | Path, folder: str | Path, mode: str) -> None:
    """Write a checkpoint's weights quantised, with all that lies beside them.

    Raises:
        CheckpointError: the source cannot be read, or the disk did not take the result.
        UsageError: nothing can be made of these two, and why.
    """
    found = find(source)
    target = Path(folder)
    if found.kind == "npz":
        raise UsageError(
            f"{found.name} has its pictures resized as the reference does, which a folder cannot "
            f"say: give a Hugging Face folder, or use load(..., quantize={mode!r})"
        )
    if (target / "config.json").is_file() and (
        read_quantization(Source("folder", target, str(folder))) is None
    ):
        raise UsageError(f"{folder} holds a checkpoint already: give the name of a new folder")
    model = open_model(found, quantize=mode)
    save_packed(model, folder, Quantization.named(mode).describe(), found)


def _open_packed(
    found: Source,
    quantization: Quantization,
    device: torch.device | str,
    dtype: torch.dtype | str | None,
) -> PaliGemma:
    place, wanted = parse_device(device), _activations(device, dtype)
    with torch.device("meta"):
        model = PaliGemma(load_config(found))
    quantize_model(model, quantization, wanted)
    load_packed(found, model, device=place, dtype=wanted)
    apply_adapter(model, found)
    return model.eval().requires_grad_(False)


def _activations(device: torch.device | str, dtype: torch.dtype | str | None) -> torch.dtype:
    # Packed weights have no dtype to keep, and bfloat16 gains a CPU nothing here: products end in
    # float32, and what is left between them is faster in it.
    usual = torch.float32 if parse_device(device).type == "cpu" else torch.bfloat16
    return parse_dtype(dtype) or usual
