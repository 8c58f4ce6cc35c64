"""Where a YOLO data set keeps its pictures, labels and names: data.yaml, lists, or bare folders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palikit.errors import DataError, MissingExtraError
from palikit.inputs.picture_names import is_picture

from .boxes_files import at, inside, read_text

__all__ = ["Layout", "find_layout"]

MAX_YAML = 5_000_000
MAX_DEPTH = 20
ABSOLUTE = re.compile(r"[/\\]|.:")


@dataclass(frozen=True, slots=True)
class Layout:
    """What one split consists of.

    Attributes:
        name: of the data set.
        pictures: each with the file that its labels are in, if there is one.
        names: number of a class to its name; None where nothing names them.
        keypoints: how many numbers of keypoints follow the box in each row.
    """

    name: str
    pictures: list[tuple[Path, Path]]
    names: dict[int, str] | None
    keypoints: int = 0


def find_layout(path: Path, images: Path | None, split: str) -> Layout:
    """The layout of a data.yaml, of a folder that holds one, or of a folder without.

    Raises:
        DataError: a file or folder that is missing, broken or leads out of its root.
    """
    file = path / "data.yaml" if (path / "data.yaml").is_file() else path
    if not file.is_dir():
        return _of_yaml(file, images, split)
    folder = images or _images_of(path, split)
    labels = _labels_of(path, folder, split)
    pairs = [
        (picture, (labels / picture.relative_to(folder)).with_suffix(".txt"))
        for picture in _pictures_in(folder)
    ]
    return Layout(path.resolve().name, pairs, _classes_txt(path, labels))


def _images_of(path: Path, split: str) -> Path:
    """`images/<split>/`, `<split>/images/`, or `images/` for train where nothing is split."""
    places = [path / "images" / split, path / split / "images"]
    if split == "train":
        places.append(path / "images")
    for place in places:
        if place.is_dir():
            return place
    raise DataError(
        f"{path} has no data.yaml, and none of the folders "
        f"{', '.join(str(place.relative_to(path)) for place in places)}: name the data.yaml, or a "
        "folder with images/ and labels/"
    )


def _labels_of(path: Path, folder: Path, split: str) -> Path:
    if folder == path / split / "images":
        return path / split / "labels"
    divided = path / "labels" / split
    whole = folder == path / "images"
    return divided if divided.is_dir() and not whole else path / "labels"


def _classes_txt(path: Path, labels: Path) -> dict[int, str] | None:
    for place in (path / "classes.txt", labels / "classes.txt"):
        if place.is_file():
            lines = read_text(place).rstrip().splitlines()
            if not all(line.strip() for line in lines):
                raise DataError(f"{place} has an empty line: write one class a line")
            return {i: line.strip() for i, line in enumerate(lines)}
    return None


def _pictures_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if is_picture(path) and path.is_file():
            yield path


def _of_yaml(file: Path, images: Path | None, split: str) -> Layout:
    config = _load_yaml(file)
    root = images or _root(file, config)
    names = _names(file, config)
    return Layout(
        file.resolve().parent.name,
        [(picture, _label_file(picture)) for picture in _listed(file, root, config, split)],
        names,
        _keypoints(file, config),
    )


def _root(file: Path, config: dict[str, Any]) -> Path:
    told = config.get("path")
    if told is None or told in ("", "."):
        return file.parent
    if not isinstance(told, str):
        raise DataError(f"{file}: path is {told!r}, which is no path: write path: FOLDER")
    folder = file.parent.resolve()
    if (target := Path(told)).is_absolute() and target.resolve().is_relative_to(folder):
        return target

    def fail(message: str) -> DataError:
        return DataError(
            f"{file}: path is {told!r}, which is not below this file: move it there, or say "
            f"images={told} if the pictures lie there and you trust it"
        )

    return inside(file.parent, told, fail)


def _listed(file: Path, root: Path, config: dict[str, Any], split: str) -> list[Path]:
    places = config.get(split)
    if places is None:
        known = [key for key in ("train", "val", "test") if config.get(key)]
        raise DataError(f"{file} has no split {split!r}: it has {', '.join(known) or 'none'}")
    found: list[Path] = []
    for name in places if isinstance(places, list) else [places]:
        if not isinstance(name, str):
            raise DataError(f"{file}: {split} holds {name!r}, where a folder or list was expected")
        place = _place(file, root, name)
        found += _pictures_in(place) if place.is_dir() else _in_list(place, root)
    return list(dict.fromkeys(found))


def _place(file: Path, root: Path, name: str) -> Path:
    plain = name.replace("\\", "/")
    while plain.startswith("../"):
        plain = plain.removeprefix("../")
    place = inside(root, _relative(plain, root), at(str(file)))
    if not place.is_dir() and place.suffix != ".txt":
        raise DataError(f"{file}: there is no folder {place}: correct path and the split's folder")
    return place


def _relative(name: str, root: Path) -> str:
    """An absolute path below the root, as one from there."""
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(root.resolve()):
        return path.relative_to(root.resolve()).as_posix()
    return name


def _in_list(file: Path, root: Path) -> Iterator[Path]:
    """The pictures of a list, one a line; each starts from the list's own folder."""
    for i, line in enumerate(read_text(file).splitlines(), start=1):
        if name := line.strip():
            told = _relative(name, root)
            if told == name and not ABSOLUTE.match(name):
                told = f"{file.parent.relative_to(root).as_posix()}/{name}"
            yield inside(root, told, at(f"{file}, line {i}"))


def _label_file(picture: Path) -> Path:
    parts = list(picture.parts[:-1])
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    return Path(*parts, picture.name).with_suffix(".txt")


def _names(file: Path, config: dict[str, Any]) -> dict[int, str]:
    names = config.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DataError(f"{file}: names is missing or no list: write names: [cat, dog]")
    for number, name in names.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise DataError(f"{file}: names has the key {number!r}, where 0, 1, ... was expected")
        # YAML reads an unquoted no, null or 1.50 as something else than a word.
        if isinstance(name, bool) or not isinstance(name, (str, int)) or not str(name).strip():
            raise DataError(f"{file}: names[{number}] is {name!r}: put the name in quotes")
    count = config.get("nc", len(names))
    if count != len(names):
        raise DataError(f"{file}: nc is {count!r}, and names has {len(names)}: correct one of them")
    return {number: str(name) for number, name in names.items()}


def _keypoints(file: Path, config: dict[str, Any]) -> int:
    shape = config.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(n) is int for n in shape):
        raise DataError(f"{file}: kpt_shape is {shape!r}, where [17, 3] was expected")
    return int(shape[0] * shape[1])


def _load_yaml(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            "a data.yaml needs a package that is not installed: pip install pyyaml"
        ) from error
    text = read_text(file)
    if len(text) > MAX_YAML:
        raise DataError(f"{file} is larger than {MAX_YAML:,} letters: is it a data.yaml?")
    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            # References to references grow without bound, and nests take the square of their depth.
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                line = event.start_mark.line + 1
                raise DataError(
                    f"{file}, line {line}: a reference (*name) or a nest deeper than {MAX_DEPTH}, "
                    "which no data.yaml needs: write it out"
                )
        config = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{file}, line {line}: this is not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{file} is no YAML that can be read: {error}") from error
    if not isinstance(config, dict):
        raise DataError(f"{file} holds no keys: write path, train, val and names")
    return config
