"""Every module: an explicit, importable `__all__`, and layers that the import contracts know."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "palikit").rglob("*.py") if path.name != "__init__.py")

# Every name in these is public: the tree of errors, and the letters of shapes.
ALL_PUBLIC = ("palikit.errors", "palikit.shapes")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_module_says_what_it_is_and_what_it_offers(path):
    module = importlib.import_module(dotted(path))
    assert module.__doc__, "a module begins with what lives in it"
    if module.__name__ in ALL_PUBLIC:
        return
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name), f"__all__ offers {name}, which is not there"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_across_folders_are_absolute(path):
    climbing = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert climbing == [], "from .. hides which layer is meant"


def test_the_import_contracts_cover_every_layer():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {c["id"]: c for c in config["tool"]["importlinter"]["contracts"]}
    layers = contracts["layers"]
    assert layers["exhaustive"]
    named = " ".join(layers["layers"]).replace("|", " ").replace(":", " ").split()
    missing = {name for name in named if not name.startswith("(")} - {
        path.stem for path in (ROOT / "palikit").iterdir()
    }
    assert missing == set()
    assert {"model", "decode"} <= set(contracts)
