from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from palikit.errors import UsageError
from palikit.results import Box, Region, Regions, Text
from palikit.view import draw as drawing
from palikit.view.draw import colours, draw


def picture(size=(320, 240), shade=(128, 128, 128)):
    return Image.new("RGB", size, shade)


def found(*regions, size=(320, 240)):
    return Regions(regions, size=size)


def luminance(pixels):
    v = np.asarray(pixels, np.float64) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    high, low = max(luminance(a), luminance(b)), min(luminance(a), luminance(b))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def plates(monkeypatch):
    """The places that labels get."""
    seen = []
    choose = drawing._best_spot

    def watched(*args):
        seen.append(choose(*args))
        return seen[-1]

    monkeypatch.setattr(drawing, "_best_spot", watched)
    return seen


def test_the_given_picture_is_left_as_it_was():
    image = picture()
    before = image.tobytes()
    out = draw(image, found(Region("cat", Box(20, 40, 120, 160), 0.9)))
    assert image.tobytes() == before
    assert (out.size, out.mode) == (image.size, "RGB")


def test_nothing_found_draws_nothing():
    assert draw(picture(), found()).tobytes() == picture().tobytes()


def test_the_line_runs_along_the_inside_of_the_box():
    out = np.asarray(draw(picture(), found(Region("cat", Box(20, 40, 120, 160))), labels=False))
    colour = colours(["cat"])["cat"]
    for y, x in ((40, 70), (159, 70), (100, 20), (100, 119)):
        assert tuple(out[y, x]) == colour
    assert tuple(out[100, 70]) == (128, 128, 128)


@pytest.mark.parametrize("label", [f"thing {i}" for i in range(16)])
@pytest.mark.parametrize("shade", ["black", "white", "grey", "its own colour"])
def test_a_box_stands_out_from_any_background(shade, label):
    colour = colours([label])[label]
    shades = {"black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128)}
    background = shades.get(shade, colour)
    region = Region(label, Box(20, 40, 120, 160))
    out = np.asarray(draw(picture(shade=background), found(region), labels=False))
    across = out[100, 15:30].tolist()
    assert max(contrast(pixel, background) for pixel in across) >= 3
    assert any(contrast(a, b) >= 3 for a, b in pairwise(across))


@pytest.mark.parametrize("plate", drawing.PALETTE)
def test_every_plate_carries_its_text_with_contrast(plate):
    assert contrast(plate, drawing._ink(plate)) >= 4.5
    assert contrast(plate, drawing.DARK) >= 3


def test_a_mask_is_tinted_inside_outlined_and_untouched_outside():
    mask = np.zeros((240, 320), np.bool_)
    mask[60:140, 40:160] = True
    region = Region("cat", Box(40, 60, 160, 140), mask=mask)
    out = np.asarray(draw(picture(), found(region), boxes=False, labels=False)).astype(int)
    colour = np.array(colours(["cat"])["cat"])
    assert np.abs(out[100, 100] - (128 + (colour - 128) * 0.45)).max() <= 2
    assert tuple(out[60, 100]) == tuple(colour)
    assert out[59, 100].max() < 40
    far = ~mask
    far[50:150, 30:170] = False
    assert (out[far] == 128).all()


def test_labels_stay_inside_the_picture_and_apart(plates):
    regions = [
        Region("edge", Box(0, 0, 60, 50), 0.5),
        Region("right edge", Box(300, 100, 320, 120), 0.5),
        Region("bottom", Box(280, 225, 320, 240), 0.5),
        *(Region("same place", Box(100, 90, 200, 160), 0.5 + i / 10) for i in range(4)),
    ]
    draw(picture(), found(*regions))
    assert len(plates) == len(regions)
    for i, (x1, y1, x2, y2) in enumerate(plates):
        assert 0 <= x1 < x2 < 320
        assert 0 <= y1 < y2 < 240
        assert not any(drawing._shared(plates[i], other) for other in plates[:i])


def test_a_label_too_long_for_the_picture_is_cut(plates):
    draw(picture(), found(Region("a very long name " * 20, Box(100, 90, 200, 160), 0.5)))
    (x1, _, x2, _) = plates[0]
    assert 0 <= x1 < x2 < 320


def test_a_tiny_picture_shows_boxes_and_leaves_labels_off_until_enlarged(plates):
    regions = found(Region("cat", Box(4, 4, 28, 28), 0.9), size=(32, 32))
    out = draw(picture((32, 32)), regions)
    assert out.size == (32, 32)
    assert out.tobytes() != picture((32, 32)).tobytes()
    assert plates == []
    assert draw(picture((32, 32)), regions, min_side=320).size == (320, 320)
    assert len(plates) == 1


def test_lines_and_letters_grow_with_the_picture():
    small, large = drawing.Style.of((224, 224)), drawing.Style.of((4000, 3000))
    assert small.line == 1
    assert large.line >= 10
    assert large.font > 5 * small.font


def test_a_label_keeps_its_colour_from_picture_to_picture():
    assert colours(["cat"])["cat"] == colours(["cat", "cat"])["cat"]
    assert colours(["b", "a"]) == colours(["a", "b"])


@given(st.sets(st.text(), max_size=16))
def test_labels_of_one_picture_have_different_colours(labels):
    assert len(set(colours(labels).values())) == len(labels)


def test_more_labels_than_colours_are_all_coloured():
    assert len(colours(str(i) for i in range(100))) == 100


def test_regions_of_another_picture_are_refused():
    with pytest.raises(UsageError, match="picture that was asked about"):
        draw(picture((100, 100)), found(Region("cat", Box(0, 0, 9, 9))))


def test_words_go_below_the_picture_wrapped_to_its_width():
    out = draw(picture(shade=(10, 20, 30)), Text("a cat and a dog on a red sofa " * 6, 0.9))
    assert out.width == 320
    assert out.height > 240 + 40
    assert np.all(np.asarray(out)[:240] == (10, 20, 30))
    strip = np.asarray(out)[240:]
    assert strip[:, -3:].min() == 255  # no line runs into the edge
    assert strip.min() < 60


numbers = st.floats(-50, 400)
regions = st.builds(
    Region, st.text(max_size=8), st.builds(Box, *[numbers] * 4), st.none() | st.floats(0, 1)
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(regions, max_size=4),
    st.sampled_from([(1, 1), (3, 200), (200, 2), (32, 32), (160, 120)]),
)
def test_any_box_and_label_can_be_drawn_on_any_picture(items, size):
    out = draw(picture(size), Regions(tuple(items), size=size))
    assert out.size == size
    assert draw(picture(size), Text(items[0].label if items else "")).width == size[0]
