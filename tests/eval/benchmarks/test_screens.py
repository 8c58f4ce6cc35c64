import copy

import numpy as np
import pytest
from helpers.official import LAYOUTS, lay
from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_screen2words_gathers_summaries(tmp_path):
    (item,) = read("screen2words", tmp_path)
    assert item.references == ("page of a music app", "list, of songs")
    assert item.pictures[0].path == tmp_path / "combined/54137.jpg"


def test_a_screen_without_summary_is_an_error(tmp_path):
    layout = dict(LAYOUTS["screen2words"]) | {"split/test_screens.txt": "54137\n8\n"}
    with pytest.raises(DataError, match=r"screen_summaries\.csv has no summary of screen 8"):
        BENCHMARKS["screen2words"].read(lay(tmp_path, layout))


def test_widgetcap_frames_the_widget_in_red(tmp_path):
    (tmp_path / "combined").mkdir()
    Image.new("RGB", (72, 128)).save(tmp_path / "combined/54137.jpg")
    (item,) = read("widgetcap", tmp_path)
    assert (item.id, item.references) == ("54137_0.1.0", ("close", "go back"))
    image = np.array(open_picture(item.pictures[0]))
    red = np.argwhere(image[..., 0] == 255)
    # The canvas is twenty times as high as the picture.
    assert red.min(0).tolist() == [round(256 / 20), round(128 / 20)]
    assert red.max(0).tolist() == [640 // 20, round(512 / 20)]
    assert image[20, 15].max() == 0


@pytest.mark.parametrize("node", ["0.2", "0.0.0", "0.x", "0.-1", "0.²"])
def test_a_widget_that_is_not_there_is_an_error_that_names_it(node, tmp_path):
    layout = copy.deepcopy(LAYOUTS["widgetcap"])
    layout["widget_captions.csv"] = f"screenId,nodeId,captions\n54137,{node},a\n"
    with pytest.raises(DataError, match=rf"54137\.json has no node {node}"):
        BENCHMARKS["widgetcap"].read(lay(tmp_path, layout))


def test_scicap_takes_the_tokenised_caption(tmp_path):
    (item,) = read("scicap", tmp_path)
    assert item.references == ("outage probability .",)
    assert item.pictures[0].path.parent == tmp_path / "SciCap-No-Subfig-Img/test"


def test_docci_is_measured_on_qual_dev(tmp_path):
    (item,) = read("docci", tmp_path)
    assert (item.id, item.prefix) == ("qual_dev_00000", "describe en")
    assert [item.id for item in read("docci", tmp_path, "test")] == ["test_00000"]
    assert not BENCHMARKS["docci"].higher_is_better
