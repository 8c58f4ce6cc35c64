"""Loading is strict: each way in which a checkpoint can be wrong has its sentence."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.checkpoints import edit_config, edit_tensors, tiny_folder
from helpers.tiny import TINY, tiny_model
from safetensors.torch import load_file, save_file

from palikit.errors import CheckpointError, UsageError
from palikit.weights.load import load_config, load_model
from palikit.weights.positions import resample_positions

TABLE = "language_model.model.embed_tokens.weight"
NORM = "language_model.model.norm.weight"
POSITIONS = "vision_tower.vision_model.embeddings.position_embedding.weight"


@pytest.fixture
def folder(tmp_path):
    return tiny_folder(tmp_path / "m")


def equal_weights(model, expected, dtype=None):
    pairs = zip(model.named_parameters(), expected.parameters(), strict=True)
    return all(torch.equal(got, want.to(dtype or want.dtype)) for (_, got), want in pairs)


def test_what_was_saved_is_loaded_bit_for_bit(folder):
    model = load_model(folder)
    assert equal_weights(model, tiny_model("paligemma2"))
    assert model.config == load_config(folder) == TINY["paligemma2"]
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_tensor_that_is_not_converted_stays_in_the_mapped_file(folder):
    model = load_model(folder)
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [
        line.split()[0].split("-")
        for line in lines
        if line.endswith(str(folder / "model.safetensors"))
    ]
    mapped = [range(int(begin, 16), int(end, 16)) for begin, end in spans]
    assert all(any(p.data_ptr() in span for span in mapped) for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, "float16", "torch.bfloat16"])
def test_weights_come_in_the_dtype_that_was_asked_for(folder, dtype):
    wanted = dtype if isinstance(dtype, torch.dtype) else getattr(torch, dtype.split(".")[-1])
    model = load_model(folder, dtype=dtype)
    assert equal_weights(model, tiny_model("paligemma2"), wanted)
    assert {p.dtype for p in model.parameters()} == {wanted}


@pytest.mark.parametrize("dtype", ["int8", "half", torch.int8, "f32"])
def test_a_dtype_that_is_none_is_told(folder, dtype):
    with pytest.raises(UsageError, match="write one of float32, bfloat16, float16"):
        load_model(folder, dtype=dtype)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_told(folder, device):
    with pytest.raises(UsageError, match=r"cannot be used .* write 'cpu'"):
        load_model(folder, device=device)


def test_float16_is_refused_for_gemma_2_unless_asked_for_by_name(tmp_path):
    folder = tiny_folder(tmp_path / "second", dtype=torch.float16)
    with pytest.raises(CheckpointError, match=r"float16, in which Gemma 2 overflows.*dtype="):
        load_model(folder)
    assert load_model(folder, dtype="float16").text.norm.weight.dtype == torch.float16
    assert load_model(folder, dtype="bfloat16").text.norm.weight.dtype == torch.bfloat16
    first = tiny_folder(tmp_path / "first", "paligemma1", dtype=torch.float16)
    assert load_model(first).text.norm.weight.dtype == torch.float16


def test_another_picture_size_resamples_positions_only_where_it_is_asked_for(folder):
    larger = load_config(folder).at_resolution(56)
    model = load_model(folder, config=larger)
    old = tiny_model("paligemma2").vision.pos_embedding
    assert torch.equal(model.vision.pos_embedding, resample_positions(old, 64))
    edit_config(folder, lambda raw: raw["vision_config"].update(image_size=56))
    with pytest.raises(CheckpointError, match=r"pos_embedding has shape \[16, 32\].*\[64, 32\]"):
        load_model(folder)


def test_a_larger_vocabulary_draws_rows_only_where_it_is_asked_for(folder):
    config = TINY["paligemma2"]
    larger = replace(config, text=replace(config.text, vocab_size=1000))
    table = load_model(folder, config=larger).text.embedding.weight
    assert torch.equal(table[:320], tiny_model("paligemma2").text.embedding.weight)
    assert table[384:].std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(table, load_model(folder, config=larger).text.embedding.weight)
    edit_config(folder, lambda raw: raw["text_config"].update(vocab_size=1000))
    with pytest.raises(CheckpointError, match=r"text.embedding.weight has shape \[384, 48\]"):
        load_model(folder)


def test_a_table_with_or_without_padding_rows_is_the_same_model(folder):
    edit_tensors(folder, lambda t: t.update({TABLE: t[TABLE][:320].clone()}))
    assert equal_weights(load_model(folder), tiny_model("paligemma2"))


def test_an_output_head_is_read_where_it_is_the_table_and_refused_otherwise(folder):
    edit_tensors(folder, lambda t: t.update({"lm_head.weight": t[TABLE][:320].clone()}))
    assert equal_weights(load_model(folder), tiny_model("paligemma2"))
    edit_tensors(folder, lambda t: t["lm_head.weight"].add_(1))
    with pytest.raises(CheckpointError, match="output head of its own"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(NORM), f"lacks 1 tensors .{NORM}.: download it again"),
        (lambda t: t.update(other=torch.zeros(1)), "no place for: other"),
        (lambda t: t.update({NORM: torch.zeros(3)}), r"text.norm.weight has shape \[3\].*\[48\]"),
        (lambda t: t.update({NORM: torch.zeros(1, 48)}), r"text.norm.weight has shape \[1, 48\]"),
        (lambda t: t.update({POSITIONS: torch.zeros(0)}), "pos_embedding has shape"),
        (lambda t: t[NORM].fill_(float("nan")), "text.norm.weight holds NaN or infinite"),
        (lambda t: t[TABLE][7, 7].fill_(float("-inf")), "text.embedding.weight holds NaN"),
        (lambda t: t.update({NORM: t[NORM].to(torch.int8)}), f"{NORM} is stored as I8"),
        (
            lambda t: t.update({"model.language_model.norm.weight": t[NORM].clone()}),
            "twice; the folder is a mixture",
        ),
    ],
)
def test_a_tensor_that_is_wrong_is_named(folder, change, words):
    edit_tensors(folder, change)
    with pytest.raises(CheckpointError, match=words):
        load_model(folder)


@pytest.mark.parametrize("keep", [0, 7, 5000, -1])
def test_a_file_that_was_cut_off_is_told(folder, keep):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:keep])
    with pytest.raises(CheckpointError, match=r"not a whole safetensors file.*download it again"):
        load_model(folder)


def test_a_folder_without_weights_or_with_pickles_is_told(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"half a checkpoint: it lacks model\.safetensors"):
        load_model(folder)
    (folder / "pytorch_model.bin").touch()
    with pytest.raises(CheckpointError, match=r"pickles .* never opened: convert"):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"model_type": "gemma2"}'])
def test_a_config_json_that_is_none_of_paligemmas_is_told(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(folder)


def test_a_missing_shard_is_named(tmp_path):
    folder = tiny_folder(tmp_path / "m", max_shard_bytes=100_000)
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(CheckpointError, match=f"half a checkpoint: it lacks {shard.name}"):
        load_model(folder)


@pytest.mark.parametrize(
    "name", ["../m/model.safetensors", "/etc/passwd", "", "model.bin", "x/../y.safetensors"]
)
def test_an_index_cannot_lead_out_of_its_folder(folder, name):
    index = {"weight_map": {NORM: name}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="no safetensors beside it"):
        load_model(folder)


@pytest.mark.parametrize("index", [{}, {"weight_map": []}, {"weight_map": {}}])
def test_an_index_without_names_is_told(folder, index):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="no weight_map"):
        load_model(folder)


def test_shards_without_their_index_are_read_too(folder):
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    for i, part in enumerate((names[::2], names[1::2]), start=1):
        shard = {key: tensors[key].clone() for key in part}
        save_file(shard, folder / f"model-{i:05d}-of-00002.safetensors")
    (folder / "model.safetensors").unlink()
    assert equal_weights(load_model(folder), tiny_model("paligemma2"))


def test_one_whole_file_is_read_and_shards_of_an_older_save_are_not(folder):
    tensors = load_file(folder / "model.safetensors")
    older = {key: tensor + 1 for key, tensor in tensors.items()}
    save_file(older, folder / "model-00001-of-00001.safetensors")
    index = {"weight_map": dict.fromkeys(older, "model-00001-of-00001.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert equal_weights(load_model(folder), tiny_model("paligemma2"))
