"""The generated scenes: the same again from the same seed, exact in box and mask."""

import pickle
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from palikit.data import emoji_world
from palikit.data.emoji_world import (
    COLOURS,
    KNOWN,
    NAMES,
    NEW,
    TEST_SEED,
    Scene,
    instance_map,
    scene,
)
from palikit.errors import UsageError


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(5, i, side=112) for i in range(200)]


def test_there_are_thirty_known_classes_and_ten_new_ones():
    assert len(KNOWN) == 30
    assert len(NEW) == 10
    assert set(KNOWN) | set(NEW) == set(NAMES)


def test_every_english_name_is_one_word_and_every_name_is_given():
    for key, names in NAMES.items():
        assert key.isalpha()
        assert names.plural
        assert names.german[0].isupper()
        assert names.german_plural[0].isupper()


@pytest.mark.parametrize("side", [64, 112, 224])
def test_a_scene_follows_from_seed_and_index(side: int):
    first, second = scene(3, 8, side=side), scene(3, 8, side=side)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(instance_map(first), instance_map(second))
    assert first.background == second.background
    assert first.image.shape == (side, side, 3)
    assert first.image.dtype == np.uint8


def test_another_seed_or_index_gives_another_scene():
    image = scene(3, 8, side=64).image
    assert not np.array_equal(image, scene(3, 9, side=64).image)
    assert not np.array_equal(image, scene(4, 8, side=64).image)


def test_the_test_set_does_not_drift():
    told = [
        (one.background, [(thing.key, *thing.box.xyxy) for thing in one.objects])
        for one in (scene(TEST_SEED, i) for i in range(3))
    ]
    assert told == GOLDEN


def test_a_box_is_tight_around_the_visible_mask(scenes: list[Scene]):
    for thing in (thing for one in scenes for thing in one.objects):
        x1, y1, x2, y2 = map(int, thing.box.xyxy)
        inside = thing.mask[y1:y2, x1:x2]
        assert inside.sum() == thing.mask.sum()
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_no_pixel_belongs_to_two_objects_and_the_map_tells_whose_it_is(scenes: list[Scene]):
    for one in scenes:
        assert np.sum([thing.mask for thing in one.objects], axis=0).max() == 1
        owner = instance_map(one)
        for i, thing in enumerate(one.objects):
            assert np.array_equal(owner == i + 1, thing.mask)


def test_every_object_keeps_most_of_its_pixels(monkeypatch: pytest.MonkeyPatch):
    pasted: list[int] = []
    place = emoji_world._place

    def spy(*args):
        placed = place(*args)
        if placed is not None:
            pasted.append(int(placed[1].sum()))
        return placed

    monkeypatch.setattr(emoji_world, "_place", spy)
    shares = []
    for i in range(150):
        pasted.clear()
        one = scene(6, i, side=112)
        visible = [int(thing.mask.sum()) for thing in one.objects]
        shares += [v / p for v, p in zip(visible, pasted, strict=True)]
    assert min(shares) >= 0.55
    # Some are hidden in part, or the promise would be empty.
    assert min(shares) < 0.8


def test_scenes_vary_in_number_size_repetition_and_ground(scenes: list[Scene]):
    assert {len(one.objects) for one in scenes} == {1, 2, 3, 4}
    assert {one.background for one in scenes} == set(COLOURS)
    assert {thing.key for one in scenes for thing in one.objects} == set(KNOWN)
    sides = [max(t.box.width, t.box.height) / 112 for one in scenes for t in one.objects]
    assert min(sides) < 0.2
    assert max(sides) > 0.5
    most = [max(Counter(thing.key for thing in one.objects).values()) for one in scenes]
    assert {1, 2, 3, 4} == set(most)


def test_the_background_is_nearest_to_the_colour_it_is_called(scenes: list[Scene]):
    table = np.array([emoji_world._COLOURS[name] for name in COLOURS], float)
    for one in scenes:
        ground = one.image[instance_map(one) == 0].mean(axis=0)
        nearest = np.linalg.norm(table - ground, axis=1).argmin()
        assert COLOURS[nearest] == one.background


def test_classes_choose_what_is_pasted_even_when_they_are_few():
    for i in range(20):
        assert {t.key for t in scene(1, i, side=64, classes=NEW).objects} <= set(NEW)
        assert {t.key for t in scene(1, i, side=64, classes=["owl"]).objects} == {"owl"}


def test_a_scene_travels_between_processes():
    one = scene(2, 0, side=64)
    again = pickle.loads(pickle.dumps(one))
    assert np.array_equal(one.image, again.image)
    assert again.objects[0].box == one.objects[0].box


def test_every_drawing_fills_its_cell_and_differs_from_the_others():
    seen = set()
    for levels in emoji_world._sprites().values():
        left, top, right, bottom = levels[0].getchannel("A").getbbox()
        assert max(right - left, bottom - top) >= emoji_world.CELL - 4
        assert [level.width for level in levels] == [96, 48, 24]
        seen.add(levels[0].tobytes())
    assert len(seen) == len(NAMES)


def test_a_turned_and_mirrored_drawing_keeps_its_area():
    areas = []
    for i in range(30):
        posed = emoji_world._pose(np.random.default_rng(i), "heart", 60.0)
        assert isinstance(posed, Image.Image)
        areas.append((np.asarray(posed)[:, :, 3] > 127).sum())
    assert max(areas) / min(areas) < 1.1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"classes": ["cat", "unicorn"]}, "unicorn"),
        ({"classes": []}, "none"),
        ({"side": 16}, "at least 32"),
    ],
)
def test_misuse_is_told_in_a_sentence(arguments: dict, told: str):
    with pytest.raises(UsageError, match=told):
        scene(0, 0, **arguments)


GOLDEN = [
    ("green", [("mushroom", 64.0, 37.0, 171.0, 152.0)]),
    ("white", [("heart", 73.0, 26.0, 154.0, 105.0)]),
    (
        "green",
        [
            ("house", 5.0, 110.0, 119.0, 192.0),
            ("car", 28.0, 59.0, 136.0, 131.0),
            ("car", 85.0, 14.0, 129.0, 47.0),
            ("car", 77.0, 75.0, 117.0, 108.0),
        ],
    ),
]
