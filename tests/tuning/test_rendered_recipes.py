"""The recipes of rendered worlds: each runs, and what it learns moves its metric the right way."""

import json
from pathlib import Path

import pytest

from palikit.cli.main import run as command
from palikit.data.rendered import WORLDS
from palikit.errors import UsageError
from palikit.tuning.rendered import LONGEST, learn_world

RECIPES = Path(__file__).parents[2] / "recipes/rendered"
RENDERERS = {"music": ("verovio", "resvg_py"), "molecules": ("rdkit",)}
STEPS = {"charts": 16, "words": 60, "molecules": 60, "tables": 80, "music": 80}
"""Until nano knows so few pictures by heart; long answers, and only what is exact, take longer."""


@pytest.mark.timeout(900)  # the longest takes 30 s of one CPU, which others may share
@pytest.mark.parametrize("world", WORLDS)
def test_a_few_steps_on_a_few_pictures_move_the_metric_the_right_way(world, tmp_path, capfd):
    for module in RENDERERS.get(world, ("matplotlib",)):
        pytest.importorskip(module)
    folder, out = tmp_path / "scenes", tmp_path / "run"
    count = "2" if world in ("charts", "words") else "1"
    assert command(["data", "scenes", str(folder), "--world", world, "--count", count]) == 0
    (folder / "val.jsonl").write_text((folder / "train.jsonl").read_text())
    words = ["train", str(RECIPES / f"{world}.py"), f"root={folder}", "--out", str(out)]
    words += [f"steps={STEPS[world]}", f"batch_size={count}", "workers=0", "validate_every=1000"]
    assert command(words) == 0
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    name = f"own-{WORLDS[world]}"
    first, last = (row[name] for row in rows if name in row)
    assert last < min(first, 60) if world == "music" else last > first + 20


def test_every_world_has_its_recipe():
    assert {path.stem for path in RECIPES.glob("*.py")} == set(WORLDS) == set(LONGEST)


def test_an_unknown_world_is_refused():
    with pytest.raises(UsageError, match="choose one of charts"):
        learn_world("nope")
