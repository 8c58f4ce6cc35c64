"""Parquet files as Hugging Face writes them, for tests of their readers."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

__all__ = ["cell", "class_label", "encoded", "written"]


def encoded(width: int = 7) -> bytes:
    """A PNG file of `width` x 5."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, 5), "red").save(buffer, "png")
    return buffer.getvalue()


def cell(width: int = 7) -> dict[str, Any]:
    return {"bytes": encoded(width), "path": f"{width}.png"}


def class_label(*names: str) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def written(path: Path, columns: dict[str, Any], features: Any = None, **options: Any) -> Path:
    """A file of these columns, with what Hugging Face would say of them."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(columns)
    if features is not None:
        told = {"info": {"features": features}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, **options)
    return path
