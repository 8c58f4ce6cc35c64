"""`palikit plan`: parts that add up, words that `palikit train` takes, and wrong wishes refused."""

import json
import shlex
from itertools import pairwise

import pytest

from palikit.config import PRESETS
from palikit.tuning import FineTune, Method
from palikit.tuning.advice import Wish, find_config, train_words
from palikit.tuning.overrides import with_overrides

PARTS = ("weights", "gradients", "moments", "activations", "logits", "extra")


@pytest.fixture
def two_ways(monkeypatch):
    """A table of four rows, for time."""
    monkeypatch.setattr("palikit.tuning.advice._KINDS", (("lora", "int4"), ("qlora", "int4")))


def test_the_parts_add_up_and_a_command_is_told(palikit, two_ways):
    outcome = palikit("plan", "--model", "nano", "--batch", "4", "--gpu", "8", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert sum(told[part] for part in PARTS) == told["total"]
    assert told["command"].startswith("palikit train --data coco:train.json")
    assert [row["method"] for row in told["fits"]][:3] == ["lora", "lora, recompute", "qlora int4"]
    assert all(row["8"] >= 4 for row in told["fits"])


def test_a_table_says_what_fits(palikit, two_ways):
    outcome = palikit("plan", "--model", "nano", "--gpu", "0.4")
    assert outcome.code == 0
    assert "total" in outcome.out
    assert "nothing of this fits: take a smaller model" in outcome.out


def test_asking_is_planned_for_each_way_to_hold_weights(palikit):
    outcome = palikit("plan", "--model", "nano", "--infer", "--batch", "2", "--json")
    rows = json.loads(outcome.out)["ways"]
    weights = {row["held"]: row["weights"] for row in rows}
    assert weights["float32"] > weights["bfloat16"] > weights["int8"] > weights["int4"]
    table = palikit("plan", "--model", "nano", "--infer", "--gpu", "0.1")
    assert table.out.count("does not fit") == 4


@pytest.mark.parametrize(
    ("written", "preset", "hub"),
    [
        ("3b-448", "paligemma2-3b-448", "google/paligemma2-3b-pt-448"),
        ("paligemma-3b-224", "paligemma-3b-224", "google/paligemma-3b-pt-224"),
        (
            "google/paligemma2-10b-mix-448",
            "paligemma2-10b-448",
            "google/paligemma2-10b-mix-448",
        ),
    ],
)
def test_a_size_is_found_by_its_names(written, preset, hub):
    assert find_config(written) == (PRESETS[preset], hub)


@pytest.mark.parametrize(
    "method",
    [
        Method(kind="full", freeze=("vision", "connector")),
        Method(rank=8, recompute=True),
        Method(kind="qlora", quantize="int8"),
    ],
)
def test_the_words_make_the_run_that_was_planned(method):
    config = PRESETS["paligemma2-3b-224"]
    words = train_words("some/model", config, Wish(), method, batch=12, at_once=5)
    settings = [word for word in words if "=" in word]
    options = dict(pairwise(words))
    base = FineTune(data=(options["--data"],), model=options["--model"])
    made = with_overrides(base, [f"method.kind={options['--method']}", *settings])
    assert made.method == method
    assert (made.batch_size, made.accumulate, made.device) == (12, 3, "cuda")
    work = Wish().work(config, method)
    assert made.precision == work.precision
    assert (made.dtype or "float32") == work.dtype
    assert shlex.split(shlex.join(words)) == words


MISUSES = {
    "unknown model": (["--model", "7b-224"], "no size that can be planned"),
    "unknown method": (["--method", "dora"], "write full or lora or qlora"),
    "unknown base": (["--quantize", "int2"], "write int8 or int4"),
    "no memory": (["--gpu", "0"], "no memory"),
    "memory that is no number": (["--gpu", "nan"], "no memory"),
    "parts that are not equal": (["--batch", "5", "--accumulate", "2"], "equal parts"),
    "nothing left to learn": (
        ["--model", "nano", "--method", "full", "--freeze", "vision,connector,embedding,decoder"],
        "nothing would learn",
    ),
    "another device": (["--device", "tpu"], "write cuda or cpu"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_wrong_wish_is_one_sentence_and_exit_code_2(name, palikit):
    arguments, said = MISUSES[name]
    outcome = palikit("plan", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_a_broken_folder_is_one_sentence(palikit, tmp_path):
    (tmp_path / "config.json").write_text("{")
    outcome = palikit("plan", "--model", str(tmp_path))
    assert outcome.code == 1
    assert outcome.err.startswith("palikit: ")
