"""The table of benchmarks as a whole, and what every reader does with broken files."""

import copy
import json
import random
import tempfile
from pathlib import Path

import pytest
from helpers.official import LAYOUTS, lay
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import DataError, UsageError
from palikit.eval.benchmarks import BENCHMARKS, FAMILIES
from palikit.eval.benchmarks.published import ROWS

METRICS = (
    "vqa soft exact exact_lower any_exact anls relaxed tally count letter rsvqa pope paired cider "
    "cider_by_language exact_by_language detection referring spotting teds grits smiles kern nes "
    "radgraph radiology box_accuracy"
).split()

names = pytest.mark.parametrize("name", BENCHMARKS)


def test_no_two_benchmarks_have_one_name():
    listed = [benchmark.name for family in FAMILIES for benchmark in family.BENCHMARKS]
    assert sorted(listed) == sorted(BENCHMARKS)


@names
def test_every_benchmark_says_what_it_is_and_where_to_get_it(name):
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name
    assert benchmark.metric in METRICS
    assert benchmark.licence
    assert len(benchmark.fetch) > 20
    assert benchmark.text_length > 0
    assert benchmark.split in benchmark.title or "(" in benchmark.title


# Read off the tables of the report by hand, not through the code.
SPOTS = [
    ("ai2d", "28b-448", 84.6),
    ("aokvqa_da", "10b-224", 68.9),
    ("activitynet_qa", "10b-224", 53.2),
    ("coco35l", "28b-224", 116.5),
    ("coco35l_en", "10b-448", 142.4),
    ("cococap", "3b-224", 141.3),
    ("chartqa_aug", "28b-448", 85.1),
    ("chartqa_human", "10b-448", 66.4),
    ("countbenchqa", "28b-448", 87.4),
    ("docvqa", "3b-448", 73.6),
    ("gqa", "3b-224", 66.2),
    ("infovqa", "10b-448", 47.8),
    ("marvl", "3b-448", 82.7),
    ("msvd_qa", "3b-224", 61.1),
    ("rsvqa_hr_test2", "28b-448", 90.8),
    ("refcoco_testb", "10b-448", 76.2),
    ("refcocoplus_testa", "3b-224", 72.7),
    ("refcocog_val", "28b-448", 73.0),
    ("scicap", "3b-448", 183.3),
    ("tallyqa_complex", "10b-224", 73.4),
    ("textcaps", "28b-448", 153.6),
    ("vqav2", "28b-224", 84.5),
    ("xm3600", "3b-224", 42.8),
    ("xgqa", "28b-448", 62.1),
    ("docci", "10b-448", 20.3),
    ("coco_detection", "10b-896", 43.6),
    ("doclaynet", "3b-224", 46.7),
    ("vsr_zeroshot", "10b-224", 79.8),
    ("mimic_cxr", "3b-896", 19.9),
    ("mimic_cxr_radgraph", "10b-896", 29.5),
]


@pytest.mark.parametrize(("name", "variant", "number"), SPOTS)
def test_published_numbers_are_those_of_the_report(name, variant, number):
    assert ROWS[name][variant] == number


def test_what_was_not_run_has_no_number():
    assert set(ROWS["vatex"]) == {"3b-224", "10b-224"}
    assert set(ROWS["ai2d"]) == {
        f"{size}-{res}" for size in ("3b", "10b", "28b") for res in (224, 448)
    }


def test_every_published_row_is_a_benchmark():
    assert ROWS.keys() <= BENCHMARKS.keys()


@names
def test_every_benchmark_reads_its_official_layout(name, tmp_path):
    items = BENCHMARKS[name].read(lay(tmp_path, LAYOUTS[name]))
    assert items
    assert len({item.id for item in items}) == len(items)
    assert all(item.pictures and item.prefix == item.prefix.strip() for item in items)
    assert any(item.references or item.things for item in items)


@names
def test_a_folder_without_annotations_is_an_error_that_names_a_file(name, tmp_path):
    with pytest.raises(DataError, match=str(tmp_path)):
        BENCHMARKS[name].read(tmp_path)


@names
def test_an_unknown_split_is_an_error_that_names_those_there_are(name, tmp_path):
    with pytest.raises(UsageError, match="choose one of"):
        BENCHMARKS[name].read(lay(tmp_path, LAYOUTS[name]), split="no such split")


@names
def test_a_truncated_file_is_a_data_error_or_still_reads(name, tmp_path):
    root = lay(tmp_path, LAYOUTS[name])
    for path in [path for path in root.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for length in (0, len(whole) // 2, len(whole) - 2):
            path.write_bytes(whole[: max(length, 0)])
            readable_or_refused(name, root)
        path.write_bytes(whole)


WEIRD = [
    *(None, True, 0, -1, 1e999, 2**70, 0.5, "", "..", "../../etc/passwd", "/etc/passwd", "C:\\x"),
    *("\0", "\ud800", "é\u2028", [], {}, [[]], [{}], [None], {"": None}, "<loc0001>", "9" * 30),
]


@names
@settings(max_examples=6, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), weird=st.sampled_from(WEIRD))
def test_a_spoilt_value_is_a_data_error_or_still_reads(name, seed, weird):
    layout = copy.deepcopy(LAYOUTS[name])
    chance = random.Random(seed)
    spoil(layout, chance.choice(sorted(layout)), weird, chance)
    with tempfile.TemporaryDirectory() as folder:
        readable_or_refused(name, lay(Path(folder), layout))


def spoil(layout, path, weird, chance):
    """Put `weird` in the place of one value of a JSON file, or of one word of a text."""
    if isinstance(layout[path], str):
        words = layout[path].split(",")
        words[chance.randrange(len(words))] = json.dumps(weird)
        layout[path] = ",".join(words)
        return
    holder, key = layout, path
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.9:
        holder = holder[key]
        key = chance.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = weird


def readable_or_refused(name, root):
    """Either items, none of whose pictures leaves the folder, or an error that names a file."""
    try:
        items = BENCHMARKS[name].read(root)
    except DataError as error:
        told = str(error)
    else:
        pictures = [picture.name for item in items for picture in item.pictures]
        assert all(Path(path).resolve().is_relative_to(root.resolve()) for path in pictures)
        told = str(root)
    assert str(root) in told
