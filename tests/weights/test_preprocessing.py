"""How a checkpoint wants its pictures resized."""

import json

import pytest
from helpers.checkpoints import tiny_folder

from palikit.errors import CheckpointError
from palikit.weights.preprocessing import load_resample


@pytest.mark.parametrize("resample", ["bicubic", "bilinear"])
def test_the_filter_comes_back_as_it_was_saved(resample, tmp_path):
    assert load_resample(tiny_folder(tmp_path / "m", resample=resample)) == resample


def test_the_file_of_newer_versions_is_read_and_no_file_means_bicubic(tmp_path):
    folder = tiny_folder(tmp_path / "m")
    (folder / "preprocessor_config.json").unlink()
    assert load_resample(folder) == "bicubic"
    newer = {"image_processor": {"resample": 2}}
    (folder / "processor_config.json").write_text(json.dumps(newer))
    assert load_resample(folder) == "bilinear"


def test_the_reference_resizes_for_its_own_files(tmp_path):
    (tmp_path / "pt.npz").touch()
    assert load_resample(tmp_path / "pt.npz") == "reference"


@pytest.mark.parametrize(
    "text", ['{"resample": 1}', '{"image_mean": [0.4, 0.4, 0.4]}', '{"resample": []}', "{", "[]"]
)
def test_a_file_that_asks_for_something_else_is_told(text, tmp_path):
    folder = tiny_folder(tmp_path / "m")
    (folder / "preprocessor_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        load_resample(folder)
