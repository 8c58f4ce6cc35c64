"""`palikit data convert`: labels of any format that is read to one that is written."""

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["convert"]


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="FORMAT:PATH[,option=value...], as coco:a.json.")
    ],
    target: Annotated[str, typer.Argument(metavar="DST", help="A file; for yolo a folder.")],
    to: Annotated[str, typer.Option("--to", help="coco, jsonl or yolo.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the pictures too.")] = False,
    split: Annotated[str | None, typer.Option(help="Of yolo: train, val, test.")] = None,
) -> None:
    """Labels from one format to another, whole or not at all.

    What DST's format cannot say is told on stderr, with counts. Pictures stay where they are and
    are named from DST; with --copy they are copied beside it, which pictures in archives need.
    """
    from palikit.data.readers import read_dataset
    from palikit.data.writers import write_dataset

    options = {} if split is None else {"split": split}
    report = write_dataset(read_dataset(source), Path(target), to, copy=copy, **options)
    print(f"{report.records} records written to {target}")
    if told := report.told():
        print(f"palikit: {target}: {told}", file=sys.stderr)
