"""Rendered worlds: a seed gives the same again, labels are what was drawn, metrics read them."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from palikit.cli.main import run as command
from palikit.data.rendered import WORLDS, draw
from palikit.data.rendered.charts import COLOURS
from palikit.data.rendered.music import LENGTHS, METRES, score
from palikit.errors import MissingExtraError, UsageError
from palikit.eval.names import find_benchmark
from palikit.eval.predictions import Prediction
from palikit.eval.scoring import SCORERS
from palikit.eval.table_reading import read_cells

RENDERERS = {"music": ("verovio", "resvg_py"), "molecules": ("rdkit",)}

worlds = pytest.mark.parametrize("world", WORLDS)


def needs(world):
    for module in RENDERERS.get(world, ("matplotlib",)):
        pytest.importorskip(module)


def drawn(world, count, side=112):
    needs(world)
    return [draw(world, 3, index, side) for index in range(count)]


@worlds
def test_a_picture_follows_from_seed_and_number(world):
    needs(world)
    one, again = draw(world, 3, 5, 96), draw(world, 3, 5, 96)
    assert one.image.tobytes() == again.image.tobytes()
    assert one.labels == again.labels
    others = [draw(world, 3, 6, 96), draw(world, 4, 5, 96), draw(world, 3, 5, 96, held_out=True)]
    assert all(other.image.tobytes() != one.image.tobytes() for other in others)
    assert one.image.size == (96, 96)


@worlds
def test_right_answers_score_as_well_as_can_be(world, tmp_path, capfd):
    needs(world)
    words = ["data", "scenes", str(tmp_path), "--world", world, "--count", "2", "--val", "6"]
    assert command(words) == 0
    paths = capfd.readouterr().out.split()
    assert [len(Path(path).read_text().splitlines()) for path in paths] == [2, 6]
    metric = WORLDS[world]
    benchmark = find_benchmark(f"own-{metric}")
    items = benchmark.read(tmp_path / "val.jsonl")
    right = [
        Prediction(
            item.id,
            item.references[0] if item.references else "",
            regions=tuple(
                {"label": t.label, "box": list(t.box.xyxy)} for t in item.things if not t.crowd
            ),
            size=item.size,
        )
        for item in items
    ]
    best, worst = (100.0, 0.0) if benchmark.higher_is_better else (0.0, 100.0)
    assert SCORERS[metric](right, items).headline == pytest.approx(best)
    silent = [Prediction(item.id, "", size=item.size) for item in items]
    assert abs(SCORERS[metric](silent, items).headline - worst) < 1e-9
    command(["data", "lint", f"jsonl:{tmp_path}/train.jsonl"])
    assert "0 errors" in capfd.readouterr().out


def test_answers_about_a_chart_follow_from_its_numbers():
    for one in drawn("charts", 60):
        chart, (answer,) = one.labels["chart"], one.labels["answers"]
        values = dict(zip(chart["names"], chart["values"], strict=True))
        question = one.labels["question"]
        if one.labels["group"] == "count":
            assert int(answer) == len(values)
        elif one.labels["group"] in ("largest", "smallest"):
            extreme = max if one.labels["group"] == "largest" else min
            assert answer == extreme(values, key=values.get)
        elif one.labels["group"] == "difference":
            first, second = re.search(r"between (\S+) and (\S+)\?", question).groups()
            assert float(answer.rstrip("%")) == pytest.approx(abs(values[first] - values[second]))
        elif one.labels["group"] == "value" and (name := re.search(r"of (\w+)\?$", question)):
            assert float(answer.rstrip("%")) == values[name[1]]
        if chart["kind"] == "pie":
            assert sum(values.values()) == 100


def test_the_largest_bar_covers_the_most_of_the_picture():
    asked = [one for one in drawn("charts", 150, 128) if one.labels["group"] == "colour"]
    assert len(asked) > 5
    for one in asked:
        area = {name: covered(one.image, value) for name, value in COLOURS.items()}
        shown = {name: pixels for name, pixels in area.items() if pixels > 4}
        extreme = max if "largest" in one.labels["question"] else min
        assert extreme(shown, key=shown.get) == one.labels["answers"][0]


def covered(image, colour):
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(np.asarray(image, int) - wanted).sum(axis=2) < 6).sum())


def test_words_lie_in_the_picture_and_apart():
    seen = Counter()
    for one in drawn("words", 40):
        boxes = [word["box"] for word in one.labels["boxes"]]
        for i, (x1, y1, x2, y2) in enumerate(boxes):
            assert 0 <= x1 < x2 <= 112
            assert 0 <= y1 < y2 <= 112
            for other in boxes[:i]:
                apart = x2 <= other[0] or other[2] <= x1 or y2 <= other[1] or other[3] <= y1
                assert apart
            contrast = np.ptp(np.asarray(one.image.crop((x1, y1, x2, y2)).convert("L"), int))
            assert contrast > 25
        seen += Counter(bool(word.get("crowd")) for word in one.labels["boxes"])
    assert seen[False] > 40
    assert seen[True] > 0


def test_molecules_are_of_many_kinds_and_right_by_the_rules_of_valence():
    chem = pytest.importorskip("rdkit.Chem")
    told = [one.labels["suffix"] for one in drawn("molecules", 40)]
    assert all(chem.CanonSmiles(smiles) == smiles and "." not in smiles for smiles in told)
    assert len(set(told)) > 35
    letters = set("".join(told))
    assert set("NOFS") <= letters


def test_cells_fill_a_table_and_stand_where_they_are_drawn():
    spans = 0
    for one in drawn("tables", 40):
        cells = one.labels["cells"]
        html = one.labels["suffix"]
        assert html.count("<td") == len(cells) == len(read_cells(html))
        covered = Counter(
            (cell["row"] + down, cell["column"] + right)
            for cell in cells
            for down in range(cell["rows"])
            for right in range(cell["columns"])
        )
        rows, columns = (max(place[i] for place in covered) + 1 for i in (0, 1))
        assert set(covered.values()) == {1}
        assert len(covered) == rows * columns
        spans += "span=" in html
        for cell in cells:
            inside = np.asarray(one.image.crop(cell["box"]).convert("L"))[3:-3, 2:-2]
            assert (inside.min() < 140) == bool(cell["text"])
    assert spans > 5


def test_both_hands_fill_every_bar():
    for seed in range(30):
        lines = score(np.random.default_rng(seed), bars=2).splitlines()
        (metre,) = {word for line in lines for word in line.split("\t") if word in METRES}
        names = {name: length for length, name in LENGTHS.items()}
        for hand in (0, 1):
            bars = [[]]
            for line in lines[5:-2]:
                word = line.split("\t")[hand].split()[0]
                if word.startswith("="):
                    bars.append([])
                elif word != ".":
                    bars[-1].append(names[word[0]])
            assert [sum(bar) for bar in bars] == [METRES[metre]] * 2


@pytest.mark.parametrize(("world", "module"), [("charts", "matplotlib"), ("music", "verovio")])
def test_a_missing_renderer_is_one_sentence(world, module, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"need {module}.*palikit\[scenes\]"):
        draw(world, 1, 0, 64)


def test_wrong_wishes_are_answered_in_a_sentence(tmp_path, capfd):
    with pytest.raises(UsageError, match="is no world"):
        draw("cats", 1, 0, 64)
    words = ["data", "scenes", str(tmp_path), "--world", "charts"]
    assert command([*words, "--side", "20"]) == 2
    assert "too small" in capfd.readouterr().err
    assert command([*words, "--count", "0"]) == 2
    assert "makes nothing" in capfd.readouterr().err


def test_lines_name_their_pictures(tmp_path):
    needs("words")
    assert command(["data", "scenes", str(tmp_path), "--world", "words", "--count", "1"]) == 0
    (line,) = (tmp_path / "train.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert Image.open(tmp_path / told["image"]).size == tuple(told["size"]) == (112, 112)
