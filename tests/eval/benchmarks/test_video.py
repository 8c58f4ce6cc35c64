import copy

import pytest
from helpers.official import LAYOUTS, lay

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]))


def numbers(item):
    return [int(frame.path.stem) for frame in item.pictures]


def test_a_short_clip_is_shown_again_from_its_start(tmp_path):
    (item,) = read("msrvtt_cap", tmp_path)
    assert numbers(item) == [1, 10, 19, 28, 37] * 3 + [1]
    assert item.references == ("a girl sings", "someone sings")
    (asked,) = read("msvd_qa", tmp_path)
    assert numbers(asked) == [1, 27] * 4
    assert (asked.group, asked.references) == ("who", ("someone",))


def test_a_stretch_of_a_video_shows_its_own_frames(tmp_path):
    whole, end = read("activitynet_cap", tmp_path)
    assert numbers(whole)[:3] == [1, 31, 1]
    assert set(numbers(end)) == {31}
    assert (end.id, end.references) == ("v_uqiMw7tQ1Cc_1", ("The coach lifts.",))


@pytest.mark.parametrize("name", ["vatex", "msrvtt_qa", "activitynet_qa"])
def test_a_video_without_frames_is_found_out_when_it_is_opened(name, tmp_path):
    (item,) = read(name, tmp_path)
    assert [frame.path.name for frame in item.pictures] == ["000001.jpg"]


def test_a_question_without_answer_is_an_error(tmp_path):
    layout = copy.deepcopy(LAYOUTS["activitynet_qa"])
    layout["test_a.json"][0]["question_id"] = "v_other_1"
    with pytest.raises(DataError, match=r"test_a\.json has no answer to question v_uqiMw7tQ1Cc_1"):
        BENCHMARKS["activitynet_qa"].read(lay(tmp_path, layout))


def test_a_video_that_the_mapping_lacks_is_an_error(tmp_path):
    layout = dict(LAYOUTS["msvd_qa"]) | {"youtube_mapping.txt": "a vid1\n"}
    with pytest.raises(DataError, match="does not name video 1301"):
        BENCHMARKS["msvd_qa"].read(lay(tmp_path, layout))


def test_the_files_that_are_learned_from_are_read_as_those_that_measure(tmp_path):
    told = copy.deepcopy(LAYOUTS["msrvtt_cap"]["test_videodatainfo.json"])
    told["videos"][0]["split"] = "validate"
    layouts = {
        ("msrvtt_cap", "val"): {"train_val_videodatainfo.json": told},
        ("vatex", "train"): {
            "vatex_training_v1.0.json": LAYOUTS["vatex"]["vatex_public_test_english_v1.1.json"]
        },
        ("activitynet_cap", "train"): {"train.json": LAYOUTS["activitynet_cap"]["val_2.json"]},
    }
    for (name, split), layout in layouts.items():
        (item, *_) = BENCHMARKS[name].read(lay(tmp_path / name, layout), split=split)
        assert item.references
    with pytest.raises(DataError, match="holds no question"):
        BENCHMARKS["msrvtt_cap"].read(tmp_path / "msrvtt_cap", split="train")
