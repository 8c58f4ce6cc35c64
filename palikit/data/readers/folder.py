"""A folder of pictures, with what their names, texts or tables say of them.

One of three layouts, the first that is found:

1. `metadata.csv` or `metadata.jsonl` as Hugging Face's imagefolder has it: one row a picture, named
   by `file_name`. Of the other columns `text` or `caption` is a caption, `prefix`, `suffix`,
   `question`, `answer`, `label` (a class to name) what they say, and the rest is carried along:

       file_name,text
       train/0001.jpg,a cat on a mat

   The table is the list: pictures that it does not name are no records.
2. `a.jpg` beside `a.txt`, each line of which is a caption. A picture without a text has none.
3. `cat/0001.jpg`: a picture in a sub-folder is of the class that the sub-folder is called, which
   becomes its `suffix`. The prompt is left to whoever asks. Pictures outside of sub-folders are
   records without labels.

Sub-folders are walked in 2 and 3, hidden files and links to folders are not.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record
from palikit.errors import DataError
from palikit.inputs.picture_names import is_picture

from .text_files import Fields, name_within, read_bytes, read_json_lines

__all__ = ["read"]

TABLES = ("metadata.csv", "metadata.jsonl")
COLUMNS = (*("file_name", "text", "caption", "prefix", "suffix", "question", "answer", "label"),)


def read(path: Path, *, images: Path | None = None) -> Dataset:
    """Read one folder.

    Args:
        images: the folder of the pictures, where the texts or the table lie in another.

    Raises:
        DataError: no such folder, no picture in it, or a table that cannot be read.
    """
    pictures = path if images is None else images
    for folder in (path, pictures):
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder: give one that holds pictures")
    tables = [path / name for name in TABLES if (path / name).exists()]
    if len(tables) > 1:
        raise DataError(f"{path} holds {' and '.join(TABLES)}: remove one of them")
    if tables:
        rows = list(
            _csv_rows(tables[0]) if tables[0].suffix == ".csv" else read_json_lines(tables[0])
        )
        classes = {_class(row) for row in rows if "label" in row}
        records = [_row_record(row, pictures) for row in rows]
    else:
        names = sorted(_picture_names(pictures))
        if not names:
            raise DataError(f"{pictures} holds no picture: give a folder that does")
        texts = {name: _captions(path / name) for name in names}
        captioned = any(captions is not None for captions in texts.values())
        classes = set() if captioned else {_sub_folder(name) for name in names}
        records = [
            _record(pictures / name, texts[name], None if captioned else _sub_folder(name))
            for name in names
        ]
    return Dataset(path.name, records, tuple(sorted(classes - {""})))


def _picture_names(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if is_picture(Path(name)):
                yield (Path(place) / name).relative_to(folder).as_posix()


def _sub_folder(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


def _captions(picture: Path) -> tuple[str, ...] | None:
    """The lines of the text beside a picture; None where there is none."""
    path = picture.with_suffix(".txt")
    if not path.is_file():
        return None
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def _record(picture: Path, captions: tuple[str, ...] | None, label: str | None) -> Record:
    return Record(
        pictures=(FilePicture(picture),),
        origin=str(picture),
        captions=captions or (),
        suffix=label or None,
    )


def _csv_rows(path: Path) -> Iterator[Fields]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if len(set(header)) != len(header):
                raise DataError(f"{path}:1: two columns have the same name")
            for cells in reader:
                where = f"{path}:{reader.line_num}"
                if cells and len(cells) != len(header):
                    raise DataError(f"{where} has {len(cells)} columns, the first {len(header)}")
                if cells:
                    yield Fields(dict(zip(header, cells, strict=True)), where)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason}): save it as UTF-8") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} is not a table that can be read: {error}") from error


def _row_record(row: Fields, folder: Path) -> Record:
    if "file_name" not in row:
        raise DataError(f"{row.where} has no 'file_name', which names the picture")
    name = name_within(row.text("file_name"), row.place("file_name"))
    captions = [text for key in ("text", "caption") for text in row.texts(key) if text.strip()]
    suffix = row.text("suffix") if "suffix" in row else _class(row)
    return Record(
        pictures=(FilePicture(folder / name),),
        origin=row.where,
        captions=tuple(captions),
        question=row.text("question"),
        answers=row.texts("answer"),
        prefix=row.text("prefix"),
        suffix=suffix if "suffix" in row or "label" in row else None,
        extra=row.without(*COLUMNS),
    )


def _class(row: Fields) -> str:
    """What the column `label` says; a table may number its classes without naming them."""
    value = row.values.get("label")
    return str(row.whole("label")) if isinstance(value, int) else row.text("label")
