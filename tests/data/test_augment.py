"""Augmentations: what is drawn and what is said of it stay in one place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from palikit.coco import encode_rle, fill_polygons
from palikit.data.augment import Augment
from palikit.data.moves import Move, View, clip_polygon, move_thing
from palikit.data.records import Thing
from palikit.errors import DataError, UsageError
from palikit.results import Box

SIZE = (96, 64)
STILL = Augment(flip=0)
RIGHT_HALF = View.of((20, 10)).then(Move((1, 1), (-10, 0)), (10, 10))
MOVES = {
    "flip": Augment(flip=1),
    "flip_vertical": Augment(flip=0, flip_vertical=1),
    "crop": Augment(flip=0, crop=0.6, keep=0.1),
    "scale": Augment(flip=0, scale=0.8, keep=0.1),
    "all": Augment(flip=0.5, flip_vertical=0.5, crop=0.4, scale=0.4, colour=0.2, keep=0.25),
}


@st.composite
def corners(draw, size=SIZE, least=6):
    x1 = draw(st.integers(0, size[0] - least))
    y1 = draw(st.integers(0, size[1] - least))
    return x1, y1, draw(st.integers(x1 + least, size[0])), draw(st.integers(y1 + least, size[1]))


def pictured(at) -> tuple[Image.Image, tuple[Thing, ...]]:
    """A red rectangle on blue, and three things that say where it is in three ways."""
    x1, y1, x2, y2 = at
    image = Image.new("RGB", SIZE, "blue")
    ImageDraw.Draw(image).rectangle((x1, y1, x2 - 1, y2 - 1), fill="red")
    box = Box(*(float(v) for v in at))
    outline = tuple(float(v) for v in (x1, y1, x2, y1, x2, y2, x1, y2))
    mask = fill_polygons([outline], SIZE)
    return image, (
        Thing("box", box),
        Thing("outline", box, polygons=(outline,)),
        Thing("mask", box, rle=encode_rle(mask)),
    )


def red(image: Image.Image) -> np.ndarray:
    r, g, b = np.asarray(image, np.int64).transpose(2, 0, 1)
    return (r > 1.5 * b) & (r > 1.5 * g)


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(mask)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


@pytest.mark.parametrize("name", MOVES)
@settings(max_examples=40)
@given(at=corners(), seed=st.integers(0, 999))
def test_labels_stay_with_their_pixels(name, at, seed):
    image, things = MOVES[name](*pictured(at), np.random.default_rng(seed))
    shown = red(image)
    if not things:
        left = shown.sum() / shown.size
        assert left < 0.4 * (at[2] - at[0]) * (at[3] - at[1]) / shown.size * 1.8**2
        return
    for thing in things:
        assert thing.box.xyxy == pytest.approx(extent(shown), abs=2)
        mask = thing.mask(image.size)
        if mask is not None:
            assert extent(mask) == pytest.approx(extent(shown), abs=2)


@given(at=corners(), direction=st.sampled_from(["flip", "flip_vertical"]))
def test_two_flips_are_none(at, direction):
    image, things = pictured(at)
    rng = np.random.default_rng(0)
    again, back = MOVES[direction](*MOVES[direction](image, things, rng), rng)
    assert again.tobytes() == image.tobytes()
    assert back == things
    assert [t.rle for t in back] == [t.rle for t in things]


@given(at=corners(), seed=st.integers(0, 9))
def test_no_strength_changes_nothing(at, seed):
    image, things = pictured(at)
    same, kept = STILL(image, things, np.random.default_rng(seed))
    assert same.tobytes() == image.tobytes()
    assert kept == things


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    def once(seed):
        image, things = MOVES["all"](*pictured((20, 20, 60, 50)), np.random.default_rng(seed))
        return image.tobytes(), image.size, things

    assert once(3) == once(3)
    assert len({once(seed)[:2] for seed in range(8)}) == 8


def test_colour_and_jpeg_leave_labels_alone():
    image, things = pictured((20, 20, 60, 50))
    for vary in (Augment(flip=0, colour=1), Augment(flip=0, jpeg=1)):
        changed, kept = vary(image, things, np.random.default_rng(1))
        assert changed.size == image.size
        assert changed.tobytes() != image.tobytes()
        assert kept == things


def test_a_thing_is_dropped_when_too_little_of_it_is_left():
    thing = Thing("a", Box(10, 0, 20, 10))
    cut = View.of((20, 10)).then(Move((1, 1), (-16, 0)), (4, 10))
    assert move_thing(thing, cut, 0.4) == Thing("a", Box(0, 0, 4, 10))
    assert move_thing(thing, cut, 0.41) is None


def test_the_box_of_a_cut_shape_is_tight_again():
    triangle = (0.0, 0.0, 20.0, 0.0, 0.0, 10.0)
    thing = Thing("a", Box(0, 0, 20, 10), polygons=(triangle,))
    right = move_thing(thing, RIGHT_HALF, 0.1)
    assert right.box == Box(0, 0, 10, 5)
    counted = Thing("a", thing.box, rle=encode_rle(fill_polygons([triangle], (20, 10))))
    cut = move_thing(counted, RIGHT_HALF, 0.1)
    assert cut.box.xyxy == pytest.approx(right.box.xyxy, abs=1)


def test_a_thing_whose_shape_is_cut_away_goes_even_if_its_box_stays():
    corner = (0.0, 0.0, 4.0, 0.0, 0.0, 4.0)
    thing = Thing("a", Box(0, 0, 20, 10), polygons=(corner,))
    assert move_thing(thing, RIGHT_HALF, 0.4) is None


@given(at=corners(), window=corners(least=1))
def test_a_clipped_outline_fills_what_the_window_shows_of_it(at, window):
    x1, y1, x2, y2 = at
    diamond = ((x1 + x2) / 2, y1, x2, (y1 + y2) / 2, (x1 + x2) / 2, y2, x1, (y1 + y2) / 2)
    left, top, right, bottom = window
    expected = fill_polygons([diamond], SIZE)
    inside = np.zeros_like(expected)
    inside[top:bottom, left:right] = True
    clipped = clip_polygon(diamond, Box(*map(float, window)))
    found = fill_polygons([clipped] if clipped else [], SIZE)
    # A pixel whose centre lies on an edge may go either way in floating point.
    assert (found ^ (expected & inside)).sum() <= 2


def test_what_a_crop_took_does_not_come_back_when_a_zoom_makes_room():
    view = RIGHT_HALF.then(Move((0.5, 0.5), (5, 0)), (10, 10))
    box = Box(0, 0, 20, 10)
    outline = (0.0, 0.0, 20.0, 0.0, 20.0, 10.0, 0.0, 10.0)
    rle = encode_rle(np.ones((10, 20), np.bool_))
    for thing in (Thing("a", box), Thing("a", box, (outline,)), Thing("a", box, rle=rle)):
        moved = move_thing(thing, view, 0.4)
        assert moved.box == Box(5, 0, 10, 5)
        mask = moved.mask((10, 10))
        assert mask is None or extent(mask) == (5, 0, 10, 5)


def test_a_crop_at_the_upper_left_corner_cuts_too():
    view = View.of((20, 10)).then(Move(), (10, 10))
    assert move_thing(Thing("a", Box(0, 0, 20, 10)), view, 0.4).box == Box(0, 0, 10, 10)


def test_run_lengths_of_another_picture_are_refused():
    thing = Thing("a", Box(0, 0, 4, 4), rle={"size": [4, 4], "counts": [0, 16]})
    with pytest.raises(DataError, match="this one is 96 x 64"):
        MOVES["flip"](Image.new("RGB", SIZE), (thing,), np.random.default_rng(0))


def test_a_picture_of_one_pixel_survives_everything():
    for seed in range(20):
        vary = Augment(flip=0.5, flip_vertical=0.5, crop=0.9, scale=3, colour=1, jpeg=1)
        image, _ = vary(Image.new("RGB", (1, 1)), (), np.random.default_rng(seed))
        assert image.size == (1, 1)


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("the cat on the left", {"flip"}),
        ("Rightmost player", {"flip"}),
        ("la taza a la izquierda", {"flip"}),
        ("左边的猫", {"flip"}),
        ("the top shelf", {"flip_vertical"}),
        ("turn it clockwise", {"flip", "flip_vertical"}),
        ("<loc0001><loc0002><loc0003><loc0004> cat", {"flip", "flip_vertical", "crop", "scale"}),
        ("a bright copyright notice, leftovers and a stopwatch", set()),
    ],
)
def test_words_of_direction_turn_off_what_would_make_them_false(text, off):
    every = Augment(flip=0.5, flip_vertical=0.5, crop=0.2, scale=0.2, colour=0.2)
    safe = every.for_words(["a cat", text])
    changed = {name for name in Augment.__slots__ if getattr(safe, name) != getattr(every, name)}
    assert changed == off
    assert all(getattr(safe, name) == 0 for name in off)


@pytest.mark.parametrize(
    "wrong", [{"flip": 1.5}, {"crop": 1.0}, {"scale": -1}, {"keep": float("nan")}]
)
def test_a_strength_out_of_range_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Augment(**wrong)
