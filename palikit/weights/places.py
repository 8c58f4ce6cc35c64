"""What a user calls a dtype and a device, as PyTorch's values."""

import torch

from palikit.errors import UsageError

__all__ = ["parse_device", "parse_dtype"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def parse_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    if dtype is None or dtype in _DTYPES.values():
        assert not isinstance(dtype, str)
        return dtype
    name = str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise UsageError(f"dtype {name!r} is not known: write one of {', '.join(_DTYPES)}")
    return _DTYPES[name]


def parse_device(device: torch.device | str) -> torch.device:
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise UsageError(
            f"device {str(device)!r} cannot be used ({reason}): write 'cpu', or 'cuda' where "
            "this machine and its PyTorch have one"
        ) from error
    return place
