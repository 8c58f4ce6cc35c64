"""Batches for fine-tuning: exact tokens, exact weights, broken records left out and named."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.records import boxes_dataset, red_picture

import palikit
from palikit.data.asking import Asking
from palikit.data.examples import Example
from palikit.data.making import ExampleMaker
from palikit.data.mixture import Mixture
from palikit.data.pictures import BytesPicture, open_picture
from palikit.data.records import Dataset
from palikit.errors import DataError
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor
from palikit.inputs.tokenizer import Tokenizer
from palikit.tuning.batches import Batcher, row_of


@pytest.fixture(scope="module")
def processor():
    words = Tokenizer.from_folder(Path(palikit.__file__).parent / "assets/nano")
    return Processor(words, Resize(28), 16)


def batcher(processor, dataset=None, **settings):
    dataset = dataset or boxes_dataset(9)
    asking = Asking(task="detect", noise=settings.pop("noise", 0))
    options = {"batch_size": 4, "accumulate": 1, **settings}
    return Batcher(Mixture([dataset]), ExampleMaker(dataset.classes, asking), processor, **options)


def test_a_row_is_the_layout_that_the_processor_explains(processor):
    image = open_picture(red_picture())
    row = row_of(
        Example((image,), "detect cat", "<loc0001><loc0002><loc0003><loc0004> cat"), processor, 512
    )
    assert row.prefix == processor.prefix_ids("detect cat")
    assert row.suffix == processor.suffix_ids("<loc0001><loc0002><loc0003><loc0004> cat")
    assert row.images is not None
    assert row.images.shape == (1, 3, 28, 28)


def test_a_suffix_that_is_too_long_is_cut_with_its_end(processor):
    image = open_picture(red_picture())
    row = row_of(Example((image,), "ocr", "cat " * 30), processor, 10)
    assert len(row.suffix) == 10
    assert processor.tokenizer.eos_id not in row.suffix


def test_silent_stretches_are_read_and_not_learned(processor):
    (part,) = batcher(processor, noise=6)(0)
    text = part.text
    learned = part.weights > 0
    real = text.suffix_mask
    assert (learned & ~real).sum() == 0
    locs = text.suffix_tokens >= processor.tokenizer.loc_start
    assert (real & locs & ~learned).any()
    assert (learned & locs).any()
    words = processor.tokenizer.decode(text.suffix_tokens[0][real[0]].tolist())
    assert words.count("noise") >= 3
    quiet_tokens = (real & ~learned)[0].sum()
    assert quiet_tokens == 4 * words.count("noise")


def test_a_step_in_parts_is_the_step_in_one(processor):
    (whole,) = batcher(processor)(3)
    parts = batcher(processor, accumulate=2)(3)
    assert [len(part.text.tokens) for part in parts] == [2, 2]
    total = sum(part.weights.sum() for part in parts)
    assert total.item() == pytest.approx(whole.weights.sum().item()) == pytest.approx(1.0)
    for i, part in enumerate(parts):
        for row in range(2):
            ours = part.text.tokens[row][part.text.mask_input[row]]
            theirs = whole.text.tokens[2 * i + row][whole.text.mask_input[2 * i + row]]
            assert torch.equal(ours, theirs)


def test_a_step_is_the_same_in_every_process_that_makes_it(processor):
    one = batcher(processor)
    other = pickle.loads(pickle.dumps(one))
    for step in (0, 7):
        (ours,), (theirs,) = one(step), other(step)
        assert torch.equal(ours.text.tokens, theirs.text.tokens)
        assert torch.equal(ours.text.images, theirs.text.images)


def test_a_broken_picture_is_named_and_another_record_takes_its_place(processor):
    good = boxes_dataset(9)
    broken = replace(good.records[4], pictures=(BytesPicture("torn.jpg", b"torn"),))
    records = [*good.records[:4], broken, *good.records[5:]]
    made = batcher(processor, Dataset("some", records, good.classes), batch_size=9)
    (part,) = made(0)
    assert len(part.text.tokens) == 9
    (note,) = part.notes
    assert "torn.jpg" in note
    (again,) = made(0)
    assert torch.equal(again.text.tokens, part.text.tokens)


def test_nothing_but_broken_pictures_stops_the_run(processor):
    good = boxes_dataset(3)
    torn = [replace(r, pictures=(BytesPicture("torn.jpg", b"torn"),)) for r in good.records]
    with pytest.raises(DataError, match=r"10 records in a row.*torn\.jpg.*data lint"):
        batcher(processor, Dataset("torn", torn, good.classes))(0)
