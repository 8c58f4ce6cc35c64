"""What `pip install palikit` brings: the whole package, also what is no Python.

The wheel is not built here, which takes the network; hatchling puts into it all files below the
folders that pyproject.toml names, but those that .gitignore names, tracked by git or not.
"""

import tomllib
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
CACHES = {"__pycache__"}


def shipped() -> list[PurePosixPath]:
    """The files of the package, from the root of the repository."""
    files = (path for path in (ROOT / "palikit").rglob("*") if path.is_file())
    named = (PurePosixPath(path.relative_to(ROOT).as_posix()) for path in files)
    return [path for path in named if not CACHES & set(path.parts)]


def is_ignored(path: PurePosixPath, pattern: str) -> bool:
    """By a pattern without a slash inside it, `out/` for folders and `*.pyc` for any name."""
    names = path.parts[:-1] if pattern.endswith("/") else path.parts
    return any(fnmatch(name, pattern.rstrip("/")) for name in names)


def patterns() -> list[str]:
    lines = map(str.strip, (ROOT / ".gitignore").read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_nothing_of_the_package_is_left_out_of_the_wheel():
    assert BUILD["targets"]["wheel"] == {"packages": ["palikit"]}
    assert not {"exclude", "include", "only-include"} & BUILD.keys()
    assert all("/" not in one.rstrip("/") and not one.startswith("!") for one in patterns())
    lost = [str(path) for path in shipped() if any(is_ignored(path, one) for one in patterns())]
    assert lost == []


def test_a_wheel_can_be_built_from_the_archive_of_sources():
    """The archive holds the package, and what pyproject.toml reads to build it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {project["readme"], *(PurePosixPath(one).parts[0] for one in project["license-files"])}
    assert {f"/{one}" for one in {"palikit", *needed}} <= set(BUILD["targets"]["sdist"]["include"])


@pytest.mark.parametrize(
    "name",
    [
        *("py.typed", "quantize/kernels.c", "assets/emoji/sprites.png", "assets/emoji/LICENSE.md"),
        *(f"assets/nano/{one}.safetensors" for one in ("model", "mask_codec")),
        *(f"assets/nano/{one}.json" for one in ("config", "tokenizer", "preprocessor_config")),
    ],
)
def test_what_lies_beside_the_code_is_in_the_package(name):
    assert PurePosixPath("palikit", name) in shipped()


def test_a_folder_that_git_ignores_would_be_told():
    path = PurePosixPath("palikit/data/out/a.py")
    assert is_ignored(path, "out/")
    assert not is_ignored(PurePosixPath("palikit/data/out"), "out/")
    assert is_ignored(PurePosixPath("palikit/a.pyc"), "*.pyc")
