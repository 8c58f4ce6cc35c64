"""Reports: whole, self-contained, and safe whatever a model or a data set says."""

import json
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.benchmarks import FakeEngine, benchmark, item, picture
from PIL import Image

from palikit.data.pictures import BytesPicture, FilePicture
from palikit.data.records import Thing
from palikit.errors import PalikitError
from palikit.eval.evaluate import How, evaluate
from palikit.eval.report import write_report
from palikit.eval.report.charts import calibration, histogram
from palikit.eval.report.examples import MOST_BYTES, pick_examples, picture_uris
from palikit.eval.report.markdown import to_table
from palikit.eval.results import Result
from palikit.results import Box

EVIL = "<script>alert('x')</script><img src=http://evil.example/x.png> & \" | `x`"
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and cells of a page; fails where tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "dd"):
            self.cells.append("")
        if tag not in VOID and not tag.startswith("!"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "dd"):
            self.cells[-1] += data


def run(tmp_path: Path, name: str, metric: str, items: list, table: dict, **fields) -> Result:
    known = benchmark(metric, name=name, title=f"{name} (val)", **fields)
    how = How(model=fields.pop("model", "fake"), variant="3b-224")
    return evaluate(FakeEngine(table), known, items, tmp_path / name, how)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    tmp_path = tmp_path_factory.mktemp("results")
    words = [item(f"w{i}", "yes", group=f"type {i % 3}") for i in range(8)]
    words.append(item("gone", "yes", pictures=(FilePicture(tmp_path / "none.png"),)))
    big = (picture("big.png", (900, 700)),)
    boxes = [
        item(f"b{i}", prefix="detect cat", things=(Thing("cat", Box(2, 2, 30, 20)),), pictures=p)
        for i, p in enumerate([(picture(),), big])
    ]
    found = {"detect cat": "<loc0100><loc0100><loc0700><loc0800> cat"}
    server = [item("s", extra={"question_id": 1})]
    return [
        run(tmp_path, "words", "exact", words, {"answer en w1?": "yes"}, published={"3b-224": 50}),
        run(tmp_path, "boxes", "detection", boxes, found),
        run(tmp_path, "server", "vqa", server, {}, submission="vqa"),
    ]


def test_every_row_stands_in_the_page_and_nothing_is_loaded(results, tmp_path: Path) -> None:
    text = write_report(results, tmp_path / "out", "palikit eval").read_text("utf-8")
    page = Page(text)
    headline = 100 / 9
    for cell in ("words (val)", f"{headline:.1f} %", "50.0", f"{headline - 50:+.1f}", "11.1 %"):
        assert cell in page.cells
    for name in ("boxes (val)", "type 0", "type 1", "type 2", "cat", "ap50", "not opened"):
        assert name in page.cells
    assert "no answers in this split" in page.cells
    assert "none.png" in text
    assert text.count("<svg") == 6
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object")
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert "href" not in attributes


def test_whatever_is_said_is_escaped(tmp_path: Path) -> None:
    def evil(name: str, metric: str, **fields) -> Result:
        one = item(EVIL, EVIL + " ", prefix=EVIL, group=EVIL, **fields)
        return run(tmp_path, name, metric, [one], {}, published={})

    broken = (BytesPicture(EVIL, b"no picture"),)
    told = [
        evil("words", "exact"),
        evil("broken", "exact", pictures=broken),
        evil("boxes", "detection", things=(Thing(EVIL, Box(0, 0, 9, 9)),)),
    ]
    how = How(model=EVIL, variant=EVIL)
    mine = benchmark("exact", name="x", title=EVIL, published={EVIL: 3.0})
    told.append(evaluate(FakeEngine(), mine, [item("a", EVIL)], tmp_path / "x", how))
    text = write_report(told, tmp_path / "out", EVIL).read_text("utf-8")
    page = Page(text)
    assert not {"script", "link"} & {tag for tag, _ in page.tags}
    assert all(a.get("src", "data:").startswith("data:") for _, a in page.tags)
    assert EVIL in page.cells
    markdown = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "<script>" not in markdown.replace("\\<script\\>", "")
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))[3]["model"] == EVIL


def test_a_lone_surrogate_does_not_stop_a_report(tmp_path: Path) -> None:
    result = run(
        tmp_path, "odd", "exact", [item("\ud800", "\udfff")], {"answer en \ud800?": "\ud900"}
    )
    write_report([result], tmp_path / "out", "odd")


def test_pictures_are_small_whatever_they_were(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    big = (FilePicture(tmp_path / "noise.png"),) * 5
    result = run(tmp_path, "noise", "exact", [item("a", "x", pictures=big)], {})
    uris = picture_uris(result, 0)
    assert 1 <= len(uris) <= 4
    assert all(len(uri) < MOST_BYTES * 4 / 3 + 100 for _, uri in uris)


def test_examples_are_the_worst_the_surest_wrong_and_others(tmp_path: Path) -> None:
    # The fake engine is surer of shorter answers.
    table = {f"answer en q{i:02}?": "x" * (i + 1) for i in range(30)}
    table["answer en q00?"] = "yes"
    items = [item(f"q{i:02}", "yes") for i in range(30)]
    result = run(tmp_path, "many", "exact", items, table)
    shown = pick_examples(result, 4)
    assert shown.surest_wrong == (1, 2, 3, 4)
    assert len({*shown.worst, *shown.surest_wrong, *shown.drawn}) == 12
    assert 0 not in shown.worst
    assert pick_examples(result, 4) == shown


def test_worst_is_highest_where_lower_is_better(tmp_path: Path) -> None:
    items = [item("good", "abc"), item("bad", "abc")]
    table = {"answer en good?": "abc", "answer en bad?": "xyzxyzxyz"}
    result = run(tmp_path, "errors", "kern", items, table, higher_is_better=False)
    assert pick_examples(result, 1).surest_wrong == (1,)
    assert pick_examples(result, 1).worst == ()


def test_charts_are_wellformed_and_count_everything() -> None:
    chart = ElementTree.fromstring(histogram([0, 100, 100, 55], high=100, title="a < b & c"))
    titles = [node.text for node in chart.iter("title")]
    assert sum(int(text.split()[0]) for text in titles) == 4
    chart = ElementTree.fromstring(calibration([0.9, 0.9, 0.1], [1, 0, 0]))
    assert len(list(chart.iter("circle"))) == 2
    assert "0.300" in "".join(chart.itertext())  # (2 * |0.9 - 0.5| + |0.1 - 0|) / 3


def test_a_table_of_markdown_keeps_its_columns() -> None:
    text = to_table((["a", "b"], [["x | y", "z\nw"]]))
    assert text.splitlines() == ["| a | b |", "|---|---|", "| x \\| y | z w |"]
    assert to_table((["a"], [])) == ""


def test_a_folder_that_cannot_be_written_is_told(results, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PalikitError, match="--out"):
        write_report(results, tmp_path / "file", "x")
