"""A saved folder is whole or not at all, and nothing of an older one stays to be believed."""

import json
import os
from pathlib import Path

import pytest
import torch
from helpers.checkpoints import tiny_folder
from helpers.tiny import tiny_model

from palikit.errors import CheckpointError, UsageError
from palikit.weights import save
from palikit.weights.load import load_model
from palikit.weights.save import save_folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_holds_what_others_need_and_nothing_of_the_draft_is_left(tmp_path):
    folder = tiny_folder(tmp_path / "new" / "m")
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
    }
    assert [path.name for path in folder.parent.iterdir()] == ["m"]
    mask = os.umask(0)
    os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize("step", ["save_file", "_write_configs", "_write_json", "_swap_in"])
def test_a_failure_in_the_middle_leaves_the_old_folder_whole(step, tmp_path, monkeypatch):
    folder = tiny_folder(tmp_path / "m")
    before = contents(folder)

    def fail(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(save, step, fail)
    with pytest.raises(CheckpointError, match=r"could not be written .*No space left"):
        save_folder(tiny_model("paligemma1"), folder)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_the_old_folder_comes_back_where_the_last_step_fails(tmp_path, monkeypatch):
    folder = tiny_folder(tmp_path / "m")
    before = contents(folder)
    rename = Path.rename

    def fail(self, target):
        if Path(target) == folder.resolve():
            raise OSError("the disk is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CheckpointError, match="the disk is gone"):
        save_folder(tiny_model("paligemma1"), folder)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_shards_of_an_older_save_do_not_stay_and_other_files_do(tmp_path):
    folder = tiny_folder(tmp_path / "m", "paligemma1", max_shard_bytes=100_000)
    (folder / "README.md").write_text("mine")
    (folder / "logs").mkdir()
    (folder / "logs" / "a.txt").write_text("mine too")
    tiny_folder(folder)
    assert [path.name for path in folder.glob("model*")] == ["model.safetensors"]
    assert (folder / "README.md").read_text() == "mine"
    assert (folder / "logs" / "a.txt").read_text() == "mine too"
    assert load_model(folder).config == tiny_model("paligemma2").config


def test_a_model_saves_over_the_folder_that_it_is_mapped_from(tmp_path):
    model = load_model(tiny_folder(tmp_path / "m"))
    save_folder(model, tmp_path / "m")
    expected = tiny_model("paligemma2").state_dict()
    for again in (model, load_model(tmp_path / "m")):
        assert all(torch.equal(v, expected[k]) for k, v in again.state_dict().items())


def test_the_index_names_every_tensor_and_its_bytes(tmp_path):
    folder = tiny_folder(tmp_path / "m", max_shard_bytes=100_000, dtype=torch.bfloat16)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == {p.name for p in folder.glob("*.safetensors")}
    model = tiny_model("paligemma2")
    numbers = sum(p.numel() for p in model.parameters()) + 64 * model.config.text.width
    assert index["metadata"]["total_size"] == 2 * numbers
    assert all(p.stat().st_size < 120_000 for p in folder.glob("*.safetensors"))


def test_padding_rows_are_what_no_answer_would_pick(tmp_path):
    from safetensors.torch import load_file

    folder = tiny_folder(tmp_path / "m")
    table = load_file(folder / "model.safetensors")["language_model.model.embed_tokens.weight"]
    assert table.shape == (320 + 64, 48)
    torch.testing.assert_close(table[320:], table[:320].mean(0).expand(64, -1))


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file: give the name of a folder"):
        save_folder(tiny_model("paligemma2"), tmp_path / "file")
    with pytest.raises(UsageError, match="'reference' cannot be written"):
        save_folder(tiny_model("paligemma2"), tmp_path / "m", resample="reference")
    with pytest.raises(CheckpointError, match="could not be written"):
        save_folder(tiny_model("paligemma2"), tmp_path / "file" / "below")
