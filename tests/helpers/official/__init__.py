"""Small folders of every benchmark, in exactly the layout that its authors distribute.

root = lay(tmp_path, LAYOUTS["docvqa"])
BENCHMARKS["docvqa"].read(root)
"""

import json
from pathlib import Path
from typing import Any, TypeAlias

from . import (
    captions,
    documents,
    questions,
    radiology,
    reading,
    reasoning,
    referring,
    science,
    screens,
    structures,
    video,
    words,
)

__all__ = ["LAYOUTS", "Layout", "lay"]

Layout: TypeAlias = dict[str, Any]
"""Path to contents: text as it is, anything else as JSON, one value a line for .jsonl."""

FAMILIES = (
    *(questions, reading, documents, captions, referring, reasoning, science, screens),
    *(words, structures, radiology, video),
)

LAYOUTS: dict[str, Layout] = {
    name: layout for family in FAMILIES for name, layout in family.LAYOUTS.items()
}


def lay(root: Path, layout: Layout) -> Path:
    """Write the files of a layout under `root`."""
    for name, content in layout.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else _json(path, content)
        path.write_bytes(text.encode("utf-8", "replace"))
    return root


def _json(path: Path, content: Any) -> str:
    if path.suffix in (".jsonl", ".jsonlines") and isinstance(content, list):
        return "".join(json.dumps(row) + "\n" for row in content)
    return json.dumps(content)
