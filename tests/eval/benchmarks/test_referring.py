import copy

import numpy as np
import pytest
from helpers.official import LAYOUTS, lay

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS
from palikit.results import Box


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_a_phrase_is_asked_as_it_stands_and_has_cocos_outline(tmp_path):
    (item,) = read("refcoco_val", tmp_path)
    assert item.prefix == "the lady with the blue shirt"
    (thing,) = item.things
    assert thing.box == Box(10, 20, 60, 80)
    mask = thing.mask(item.size)
    assert mask.shape == (427, 640)
    assert np.argwhere(mask).min(0).tolist() == [20, 10]
    assert item.pictures[0].path == tmp_path / "train2014/COCO_train2014_000000581857.jpg"


def test_the_authors_pickle_is_never_opened(tmp_path):
    (tmp_path / "refs(unc).p").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert len(read("refcoco_testa", tmp_path)) == 1


def test_an_object_that_coco_lacks_is_an_error_that_names_it(tmp_path):
    layout = copy.deepcopy(LAYOUTS["refcocog_val"])
    layout["annotations/instances_train2014.json"]["annotations"].pop(0)
    with pytest.raises(DataError, match=r"instances_train2014\.json has no annotation 1719310"):
        BENCHMARKS["refcocog_val"].read(lay(tmp_path, layout))


def test_detection_reads_polygons_crowds_and_empty_pictures(tmp_path):
    full, empty = read("coco_detection", tmp_path)
    bottle, crowd = full.things
    assert full.prefix == "detect all classes"
    assert (bottle.label, bottle.crowd, crowd.label, crowd.crowd) == (
        *("bottle", False),
        *("person", True),
    )
    assert crowd.mask(full.size).sum() == 2
    assert empty.things == ()
    assert full.pictures[0].path == tmp_path / "val2017/000000397133.jpg"


def test_doclaynet_has_the_same_format_in_other_folders(tmp_path):
    (item,) = read("doclaynet", tmp_path)
    assert item.things[0].label == "Table"
    assert item.pictures[0].path.parent == tmp_path / "PNG"


@pytest.mark.parametrize(("key", "told"), [("image_id", "picture 5"), ("category_id", "class 5")])
def test_an_annotation_of_nothing_listed_is_an_error(key, told, tmp_path):
    layout = copy.deepcopy(LAYOUTS["coco_detection"])
    layout["annotations/instances_val2017.json"]["annotations"][0][key] = 5
    with pytest.raises(DataError, match=rf"annotations\[0\] is of {told}"):
        BENCHMARKS["coco_detection"].read(lay(tmp_path, layout))
