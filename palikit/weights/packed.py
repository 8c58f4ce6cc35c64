"""Reading a folder of quantised weights, which `save.save_packed` writes.

It is a folder of palikit's own. `config.json` says how the weights are packed, under
`quantization_config`, and they lie in `quantized.safetensors` by our own names: no program that
looks for `model.safetensors` finds anything that it could take for a model's weights.
"""

from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from palikit.errors import CheckpointError

from .source import Source, name_some, read_json

__all__ = ["METHOD", "PACKED_FILE", "load_packed", "read_quantization"]

PACKED_FILE = "quantized.safetensors"
METHOD = "palikit"


def read_quantization(found: Source) -> dict[str, Any] | None:
    """How a folder of ours is quantised, in its own words; None where it is not."""
    if found.kind != "folder":
        return None
    described = read_json(found.path / "config.json").get("quantization_config")
    if not isinstance(described, dict) or described.get("quant_method") != METHOD:
        return None
    return {key: value for key, value in described.items() if key != "quant_method"}


def load_packed(
    found: Source, model: nn.Module, *, device: torch.device, dtype: torch.dtype
) -> None:
    """Fill a model of packed modules on `meta`, strictly; on a CPU packed tensors stay mapped.

    Args:
        dtype: of what is not packed.

    Raises:
        CheckpointError: the file is not whole, or not of this model.
    """
    path = found.path / PACKED_FILE
    try:
        with safe_open(path, framework="pt") as file:
            _check_names(found, set(model.state_dict()), set(file.keys()))
            for name, parameter in list(model.named_parameters()):
                tensor = _checked(found, name, file.get_tensor(name), parameter.shape)
                tensor = tensor.to(device=device, dtype=dtype)
                _put(model, name, nn.Parameter(tensor, requires_grad=False))
            for name, buffer in list(model.named_buffers()):
                tensor = _checked(found, name, file.get_tensor(name), buffer.shape, buffer.dtype)
                _put(model, name, tensor.to(device))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}): quantise the original again"
        ) from error


def _check_names(found: Source, wanted: set[str], stored: set[str]) -> None:
    for how, names in (("lacks", wanted - stored), ("has no place for", stored - wanted)):
        if names:
            raise CheckpointError(
                f"{found.name} {how} {len(names)} quantised tensors ({name_some(names)}): "
                "quantise the original again"
            )


def _checked(
    found: Source, name: str, tensor: Tensor, shape: torch.Size, dtype: torch.dtype | None = None
) -> Tensor:
    if tensor.shape != shape or (dtype is not None and tensor.dtype != dtype):
        raise CheckpointError(
            f"{found.name}: {name} is {tensor.dtype} of shape {list(tensor.shape)}, its "
            f"configuration needs {list(shape)}: quantise the original again"
        )
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise CheckpointError(
            f"{found.name}: {name} holds NaN or infinite numbers: quantise the original again"
        )
    return tensor


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, tensor)
