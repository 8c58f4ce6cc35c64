"""The front door: what `import palikit` offers, and what it does not cost."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import palikit

ROOT = Path(__file__).parents[2]
# Heavy packages that nothing may import before it needs them.
HEAVY = ("torch", "numpy", "PIL", "tokenizers", "safetensors", "huggingface_hub", "transformers")


def imported_after(code: str) -> set[str]:
    """Which heavy packages a fresh interpreter holds after running some code."""
    probe = f"{code}\nimport sys\nprint(*(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.splitlines()[-1].split())


def test_all_is_sorted_and_complete():
    constants_first = sorted(palikit.__all__, key=lambda name: (not name.isupper(), name))
    assert palikit.__all__ == constants_first
    assert set(palikit.__all__) == {*palikit._HOME_OF, "__version__"}
    assert dir(palikit) == sorted(palikit.__all__)


def test_every_public_name_comes_from_a_module_that_offers_it():
    for name, home in palikit._HOME_OF.items():
        module = importlib.import_module(home)
        assert getattr(palikit, name) is getattr(module, name)
        offered = getattr(module, "__all__", dir(module))
        assert name in offered, f"{home}.__all__ lacks {name}"


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "palikit/__init__.py").read_text())
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == palikit._HOME_OF


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="palikit has no public name 'cat'"):
        _ = palikit.cat


def test_importing_palikit_imports_nothing_heavy():
    assert imported_after("import palikit") == set()


def test_tasks_and_results_do_without_torch():
    assert imported_after("from palikit import Box, Detect, PRESETS, Regions") == {"numpy"}


def test_help_imports_nothing_heavy():
    code = "from palikit.cli.main import run\nrun(['--help'])\nrun(['detect', '--help'])"
    assert imported_after(code) == set()
