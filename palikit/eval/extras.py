"""The packages behind some metrics: imported when a metric is called, missed in one sentence."""

import importlib
from typing import Any

from palikit.errors import MissingExtraError

__all__ = ["EXTRAS", "need"]

EXTRAS = {"radgraph": "radgraph", "rdkit": "rdkit"}
"""The extra of palikit that brings a package, where it is not `eval`."""


def need(module: str) -> Any:
    """`need("apted")` is the module apted.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        extra = EXTRAS.get(package, "eval")
        raise MissingExtraError(
            f"this metric needs {package}, which is not installed: pip install 'palikit[{extra}]'"
        ) from error
