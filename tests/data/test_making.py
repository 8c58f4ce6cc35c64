"""Examples: what is taught is what the labels say, to the bin; noise is shown and not taught."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from palikit.codecs.boxes import encode_box
from palikit.codecs.masks import MaskCodec
from palikit.codecs.text import parse_spans
from palikit.data.asking import Asking
from palikit.data.augment import Augment
from palikit.data.making import ExampleMaker
from palikit.data.pictures import BytesPicture
from palikit.data.records import Record, Thing
from palikit.errors import ImageError, UsageError
from palikit.results import Box


def picture(size=(80, 40)):
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "png")
    return BytesPicture("red.png", buffer.getvalue())


THINGS = (
    Thing("cat", Box(8, 4, 40, 36), polygons=((8.0, 4, 40, 4, 40, 36, 8, 36),)),
    Thing("dog", Box(50, 10, 70, 30), polygons=((50.0, 10, 70, 10, 60, 30),)),
)
RECORD = Record(pictures=(picture(),), origin="here", things=THINGS)


def make(record=RECORD, codec=None, augment=None, seed=0, **settings):
    maker = ExampleMaker(("cat", "dog"), Asking(labels="present", **settings), codec, augment)
    return maker(record, np.random.default_rng(seed))


def test_boxes_are_told_in_the_bins_of_their_picture():
    example = make(task="detect")
    spans, unparsed = parse_spans(example.suffix)
    assert example.prefix == "detect cat ; dog"
    assert not unparsed
    assert [(span.label, span.bins) for span in spans] == [
        (thing.label, encode_box(thing.box, (80, 40))) for thing in THINGS
    ]
    assert example.pictures[0].size == (80, 40)


def test_masks_are_told_as_the_codes_of_their_boxes():
    codec = MaskCodec().eval()
    spans, unparsed = parse_spans(make(task="segment", codec=codec).suffix)
    assert not unparsed
    assert all(span.codes is not None for span in spans)
    with pytest.raises(UsageError, match="mask codec"):
        make(task="segment")


def test_a_box_thinner_than_a_bin_is_not_taught():
    sliver = Thing("cat", Box(10.0, 5.0, 10.01, 30.0))
    example = make(replace(RECORD, things=(sliver, THINGS[1])), task="detect")
    assert [span.label for span in parse_spans(example.suffix)[0]] == ["dog"]


def test_noise_fills_the_list_and_only_its_names_are_learned():
    example = make(task="detect", noise=5)
    spans, unparsed = parse_spans(example.suffix)
    assert not unparsed
    assert [span.label for span in spans] == ["cat", "dog", "noise", "noise", "noise"]
    silent = [example.suffix[start:end] for start, end in example.silent]
    assert len(silent) == 3
    assert all(len(parse_spans(one)[0]) == 1 and one.endswith(">") for one in silent)
    assert make(task="detect", noise=1).silent == ()
    empty = make(replace(RECORD, things=()), task="detect", noise=2)
    assert [span.label for span in parse_spans(empty.suffix)[0]] == ["noise", "noise"]


def test_an_augmentation_moves_picture_and_things_before_anything_is_told():
    def halve(image, things, rng):
        left = tuple(t for t in things if t.box.x2 <= 40)
        return image.crop((0, 0, 40, 40)), left

    example = make(task="detect", augment=halve)
    assert example.pictures[0].size == (40, 40)
    (span,) = parse_spans(example.suffix)[0]
    assert span.bins == encode_box(THINGS[0].box, (40, 40))


def test_the_same_draw_makes_the_same_example_and_broken_pictures_say_so():
    one, other = (make(task="detect", noise=4, seed=7) for _ in range(2))
    assert (one.prefix, one.suffix, one.silent) == (other.prefix, other.suffix, other.silent)
    with pytest.raises(ImageError, match=r"broken\.png"):
        make(replace(RECORD, pictures=(BytesPicture("broken.png", b"no"),)))


def test_words_of_a_side_are_not_made_false_by_a_flip():
    half = Image.new("RGB", (40, 20), "red")
    half.paste("blue", (0, 0, 20, 20))
    buffer = io.BytesIO()
    half.save(buffer, "png")
    pictures = (BytesPicture("half.png", buffer.getvalue()),)
    flip = Augment(flip=1.0)
    plain = replace(RECORD, pictures=pictures, things=None, captions=("a flag",))
    sided = replace(plain, captions=("blue on the left",))
    assert make(plain, augment=flip, task="caption").pictures[0].getpixel((2, 2)) == (255, 0, 0)
    assert make(sided, augment=flip, task="caption").pictures[0].getpixel((2, 2)) == (0, 0, 255)
