"""A Hugging Face dataset as parquet files: one, a folder, a glob, or a name on the hub.

    parquet:data/train-00000-of-00002.parquet
    parquet:fruit/,split=train,caption=description,objects=annotations
    parquet:org/fruit,split=train

Columns are found by their usual names, or by options:

    image=     image, img                 {"bytes", "path"}, bytes, or a file's name
    caption=   caption, captions, text    a text, or a list of them
    question=  question                   a text
    answers=   answers, answer            a text, or a list of texts or of {"answer": text}
    prefix=, suffix=                      texts
    objects=   objects                    {"bbox": [[x, y, w, h], ...], "category": [0, ...]}, or
                                          a list of {"bbox", "category"}; x1, y1, x2, y2 with
                                          boxes=xyxy
    label=     label                      the whole picture's class, which becomes the suffix

Numbers of classes get their names from what Hugging Face writes into the file, or from
`classes=cat;dog`. `id`, and `width` with `height`, are read where they are; other columns of plain
values are carried along. Pictures stay in the file until they are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palikit.data.records import Dataset, Record, Thing
from palikit.errors import DataError, UsageError
from palikit.results import Box

from .parquet_files import CellPicture, open_parquet, parquet_files
from .text_files import Fields, answer_text, check_text, finite, labels_of, parse_json, show, whole

__all__ = ["read"]

USUAL: dict[str, tuple[str, ...]] = {
    "image": ("image", "img"),
    "prefix": ("prefix",),
    "suffix": ("suffix",),
    "caption": ("caption", "captions", "text"),
    "question": ("question",),
    "answers": ("answers", "answer"),
    "objects": ("objects",),
    "label": ("label",),
}
BOXES = ("bbox", "bboxes", "boxes")
CATEGORIES = ("category", "categories", "category_id", "labels", "label")
PLAIN = ("string", "large_string", "bool", "double", "float", "halffloat")


def read(
    path: Path,
    *,
    images: Path | None = None,
    split: str = "",
    image: str = "",
    prefix: str = "",
    suffix: str = "",
    caption: str = "",
    question: str = "",
    answers: str = "",
    objects: str = "",
    label: str = "",
    boxes: str = "xywh",
    classes: str = "",
) -> Dataset:
    """Read one split.

    Args:
        images: the folder of the pictures that are only named; by default that of each file.

    Raises:
        DataError: no such files, or a column of another kind, with file and row.
        UsageError: `boxes` of another form.
        MissingExtraError: pyarrow is not installed.
    """
    if boxes not in ("xywh", "xyxy"):
        raise UsageError(f"boxes={boxes} is no form of a box: write xywh or xyxy")
    wanted = {
        **{"image": image, "prefix": prefix, "suffix": suffix, "caption": caption},
        **{"question": question, "answers": answers, "objects": objects, "label": label},
    }
    named = tuple(name.strip() for name in classes.split(";")) if classes else ()
    records: list[Record] = []
    declared: dict[str, None] = {}
    for file in parquet_files(path, split):
        with open_parquet(file) as opened:
            layout = _layout(file, opened.schema_arrow, wanted, named, boxes == "xyxy")
            declared |= dict.fromkeys([*layout.things, *layout.labels])
            records += _records(opened, layout, images or file.parent)
    return Dataset(path.name, records, tuple(declared) or labels_of(records))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What one file's columns mean.

    Attributes:
        file: its path.
        columns: what each of USUAL is called here; absent where there is no such column.
        plain: other columns that are carried along.
        things, labels: names of the numbered classes of `objects` and `label`.
        corners: boxes are x1 y1 x2 y2.
    """

    file: Path
    columns: Mapping[str, str]
    plain: tuple[str, ...]
    things: tuple[str, ...]
    labels: tuple[str, ...]
    corners: bool


def _layout(
    file: Path, schema: Any, wanted: Mapping[str, str], named: tuple[str, ...], corners: bool
) -> _Layout:
    columns = _columns(file, schema.names, wanted)
    features = _features(file, schema)
    things = _class_names(features.get(columns.get("objects", "")), CATEGORIES)
    labels = _class_names({"label": features.get(columns.get("label", ""))}, ("label",))
    if named:
        things, labels = (named, ()) if "objects" in columns else ((), named)
    kind = str(schema.field(columns["label"]).type) if "label" in columns else ""
    # Many columns of this name are numbers of something else.
    if kind.startswith(("int", "uint")) and not labels and not wanted["label"]:
        del columns["label"]
    used = {"", *columns.values()}
    plain = [item.name for item in schema if item.name not in used and _is_plain(item.type)]
    return _Layout(file, columns, tuple(plain), things, labels, corners)


def _columns(file: Path, names: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    columns = {}
    for role, usual in USUAL.items():
        asked = wanted[role]
        if asked and asked not in names:
            shown = ", ".join(names[:20])
            raise DataError(f"{file} has no column {asked!r}; it has {shown}")
        found = [name for name in ((asked,) if asked else usual) if name in names]
        if found:
            columns[role] = found[0]
    if "image" not in columns:
        raise DataError(f"{file} has no column 'image': say which holds the pictures, image=NAME")
    return columns


def _is_plain(kind: Any) -> bool:
    return str(kind) in PLAIN or str(kind).startswith(("int", "uint"))


def _features(file: Path, schema: Any) -> dict[str, Any]:
    """What Hugging Face says of each column; {} where another program wrote the file."""
    told = (schema.metadata or {}).get(b"huggingface")
    if told is None:
        return {}
    found = parse_json(told, f"{file}: its Hugging Face metadata")
    for key in ("info", "features"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _class_names(tree: Any, keys: Sequence[str], depth: int = 6) -> tuple[str, ...]:
    """The names of the first ClassLabel under one of these keys, or under what lies between."""
    tree = tree[0] if isinstance(tree, list) and tree else tree
    if not isinstance(tree, dict) or depth == 0:
        return ()
    if tree.get("_type") == "ClassLabel" and isinstance(tree.get("names"), list):
        return tuple(check_text(name, "the name of a class") for name in tree["names"])
    for key in (*[key for key in keys if key in tree], "feature"):
        names = _class_names(tree.get(key), keys, depth - 1)
        if names:
            return names
    return ()


def _records(opened: Any, layout: _Layout, folder: Path) -> Iterator[Record]:
    columns = [name for role, name in layout.columns.items() if role != "image"]
    columns += layout.plain
    number = 0
    for group in range(opened.metadata.num_row_groups):
        row = 0
        for values in _rows(opened, group, columns):
            cell = CellPicture(
                layout.file, layout.columns["image"], group, row, folder, number=number
            )
            yield _record(Fields(values, f"{layout.file}: row {number}"), cell, layout)
            row, number = row + 1, number + 1


def _rows(opened: Any, group: int, columns: list[str]) -> Iterator[dict[str, Any]]:
    if not columns:
        yield from ({} for _ in range(opened.metadata.row_group(group).num_rows))
        return
    for batch in opened.iter_batches(1024, [group], columns, use_threads=False):
        yield from batch.to_pylist()


def _record(fields: Fields, picture: CellPicture, layout: _Layout) -> Record:
    name = {role: layout.columns.get(role, "") for role in USUAL}
    extra = {key: fields.values[key] for key in layout.plain if key in fields}
    extra = {key: value for key, value in extra.items() if value == value}  # no NaN
    size = None
    if isinstance(extra.get("width"), int) and isinstance(extra.get("height"), int):
        size = Fields({"size": [extra.pop("width"), extra.pop("height")]}, fields.where).size(
            "size"
        )
    suffix = fields.text(name["suffix"]) if name["suffix"] in fields else None
    # Hugging Face writes -1 where the class is not told.
    if suffix is None and name["label"] in fields and fields.values[name["label"]] != -1:
        suffix = _label(fields.values[name["label"]], fields.place(name["label"]), layout.labels)
    return Record(
        pictures=(picture,),
        origin=fields.where,
        id=str(extra.pop("id", "")),
        size=size,
        things=_things(fields, name["objects"], layout) if name["objects"] in fields else None,
        captions=fields.texts(name["caption"]),
        question=fields.text(name["question"]),
        answers=_answers(fields, name["answers"]),
        prefix=fields.text(name["prefix"]),
        suffix=suffix,
        extra=extra,
    )


def _answers(fields: Fields, key: str) -> tuple[str, ...]:
    if isinstance(fields.values.get(key), str):
        return fields.texts(key)
    return fields.each(key, answer_text)


def _label(value: Any, where: str, names: Sequence[str]) -> str:
    if isinstance(value, str):
        return check_text(value, where)
    number = whole(value, where)
    if number >= len(names):
        raise DataError(f"{where} is class {number}, which has no name: give classes=cat;dog")
    return names[number]


def _things(fields: Fields, key: str, layout: _Layout) -> tuple[Thing, ...]:
    value, where = fields.values[key], fields.place(key)
    items = value if isinstance(value, list) else _turned(Fields.of(value, where))
    return tuple(_thing(Fields.of(item, f"{where}[{i}]"), layout) for i, item in enumerate(items))


def _turned(columns: Fields) -> list[dict[str, Any]]:
    """Lists by key, `{"bbox": [b, c], "category": [0, 1]}`, to one object a thing."""
    lists = {
        key: columns.each(key, lambda item, _: item)
        for key in (*BOXES, *CATEGORIES)
        if key in columns
    }
    lengths = {key: len(items) for key, items in lists.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{columns.where} has lists of different length: {show(lengths)}")
    rows = zip(*lists.values(), strict=True)
    return [dict(zip(lists, row, strict=True)) for row in rows]


def _thing(fields: Fields, layout: _Layout) -> Thing:
    box = next((key for key in BOXES if key in fields), "")
    category = next((key for key in CATEGORIES if key in fields), "")
    if not box or not category:
        lacks = "bbox" if not box else "category"
        raise DataError(f"{fields.where} has no {lacks!r}")
    numbers = fields.each(box, finite)
    if len(numbers) != 4:
        raise DataError(f"{fields.place(box)} has {len(numbers)} numbers, not 4")
    x, y, right, low = numbers
    corners = Box(x, y, right, low) if layout.corners else Box(x, y, x + right, y + low)
    return Thing(_label(fields.values[category], fields.place(category), layout.things), corners)
