"""The packages behind some metrics: imported when a metric is called, missed in one sentence."""

import importlib
from typing import Any

from palikit.errors import MissingExtraError

__all__ = ["need"]


def need(module: str) -> Any:
    """`need("apted")` is the module apted.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"this metric needs {package}, which is not installed: pip install 'palikit[eval]'"
        ) from error
