"""Every test that docs/numerics.md names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = sorted(
    set(re.findall(r"`([\w/]+\.py|[\w/]+/)(?:::(\w+))?`", (ROOT / "docs/numerics.md").read_text()))
)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_the_page_names_exists(path: str, name: str) -> None:
    places = [ROOT / "tests" / path, ROOT / "palikit" / path, ROOT / path]
    found = [place for place in places if place.exists()]
    assert found, f"docs/numerics.md names {path}, which is nowhere"
    if name:
        assert f"def {name}(" in found[0].read_text()


def test_the_page_names_tests() -> None:
    assert sum(bool(name) for _, name in NAMED) > 8
