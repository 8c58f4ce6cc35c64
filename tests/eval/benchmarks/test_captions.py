import copy

import pytest
from helpers.official import LAYOUTS, lay

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_coco_takes_the_pictures_of_one_part_of_karpathys_division(tmp_path):
    (item,) = read("cococap", tmp_path)
    assert (item.id, item.prefix) == ("391895", "caption en")
    assert item.references == ("A man with a red helmet.", "Man riding a motor bike.")
    assert item.pictures[0].path == tmp_path / "val2014/COCO_val2014_000000391895.jpg"
    assert [item.id for item in read("cococap", tmp_path, "train")] == ["9"]
    with pytest.raises(DataError, match="holds no question of this split"):
        read("cococap", tmp_path, "restval")


def test_beams_are_those_of_the_reference():
    wide = {name: one.beam for name, one in BENCHMARKS.items() if one.beam > 1}
    assert wide == {"cococap": 2, "nocaps": 2, "textcaps": 3}


def test_nocaps_gathers_captions_and_tells_the_domain(tmp_path):
    (item,) = read("nocaps", tmp_path)
    assert (len(item.references), item.group) == (2, "near-domain")
    assert item.pictures[0].path == tmp_path / "validation/0013ea2087020901.jpg"
    (hidden,) = read("nocaps", tmp_path, "test")
    assert (hidden.id, hidden.references) == ("4500", ())


def test_a_picture_without_any_caption_is_an_error_that_names_it(tmp_path):
    layout = copy.deepcopy(LAYOUTS["nocaps"])
    layout["nocaps_val_4500_captions.json"]["annotations"] = []
    with pytest.raises(DataError, match="has no caption of picture 0"):
        BENCHMARKS["nocaps"].read(lay(tmp_path, layout))


def test_textcaps_joins_the_rows_of_one_picture(tmp_path):
    (item,) = read("textcaps", tmp_path)
    assert item.references == ("A sign.", "A red sign.")
    assert item.pictures[0].path == tmp_path / "train_images/0054c91397f2fe05.jpg"
    assert read("textcaps", tmp_path, "test")[0].references == ()


def test_coco35l_is_one_item_a_picture_and_language(tmp_path):
    items = {item.id: item for item in read("coco35l", tmp_path)}
    assert list(items) == ["391895_de", "391895_zh"]
    assert items["391895_zh"].references == ("zh 0", "zh 1")
    assert (items["391895_zh"].prefix, items["391895_zh"].group) == ("caption zh", "zh")
    assert [item.id for item in read("coco35l", tmp_path, "dev_zh")] == ["391895_zh"]


def test_english_of_coco35l_is_the_source_of_the_german(tmp_path):
    (item,) = read("coco35l_en", tmp_path)
    assert (item.id, item.references) == ("391895_en", ("a man 0", "a man 1"))


def test_a_picture_that_karpathys_file_lacks_is_an_error(tmp_path):
    layout = copy.deepcopy(LAYOUTS["coco35l"])
    layout["coco_mt_dev.jsonl"][0]["image_id"] = "17_0"
    with pytest.raises(DataError, match=r"dataset_coco\.json has no picture 17"):
        BENCHMARKS["coco35l"].read(lay(tmp_path, layout))


def test_xm3600_has_35_languages_beside_english(tmp_path):
    items = read("xm3600", tmp_path)
    assert len(items) == 35
    assert "en" not in {item.group for item in items}
    assert [item.prefix for item in read("xm3600", tmp_path, "quz")] == ["caption quz"]
    (english,) = read("xm3600_en", tmp_path)
    assert english.references == ("en A.", "en B.")
    assert english.pictures[0].path == tmp_path / "images/4bde5c9c4f2b8e23.jpg"
