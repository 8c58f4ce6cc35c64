"""big_vision's `.npz`: what is wrong is told, nothing is ever unpickled."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.checkpoints import as_bfloat16, reference_arrays
from helpers.tiny import TINY

from palikit.config import PRESETS
from palikit.errors import CheckpointError
from palikit.weights.load import load_config, load_model
from palikit.weights.npz import NpzFile

NORM = "llm/final_norm/scale"
LINEAR = "llm/layers/mlp/linear"
TABLE = "llm/embedder/input_embedding"


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def write(path: Path, change: Callable[[dict], None] = lambda arrays: None) -> Path:
    arrays = reference_arrays("paligemma2")
    change(arrays)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("convert", [lambda x: x, as_bfloat16, lambda x: x.astype(np.float16)])
def test_arrays_and_their_slices_are_read_as_they_are(save, order, convert, tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 2, 5, 7)).astype(np.float32)
    save(tmp_path / "a.npz", **{"params/x": np.asarray(convert(values), order=order)})
    file = NpzFile(tmp_path / "a.npz")
    assert file.keys == {"x"}
    assert file.shape("x") == (3, 2, 5, 7)
    expected = torch.from_numpy(values).to(file.read("x").dtype)
    assert torch.equal(file.read("x"), expected)
    for index in ((0,), (2, 1), (1, 0), (0,)):  # forward and back
        assert torch.equal(file.read("x", index), expected[index])


@pytest.mark.parametrize("name", ["paligemma-3b-448", "paligemma2-3b-224", "paligemma2-28b-896"])
def test_a_published_size_is_known_by_its_shapes(name, tmp_path, monkeypatch):
    config = PRESETS[name]
    text, vision = config.text, config.vision
    shapes = {
        TABLE: (257_152, text.width),
        "img/pos_embedding": (1, config.tokens_per_image, vision.width),
        LINEAR: (text.depth, text.mlp_dim, text.width),
    }
    np.savez(tmp_path / "a.npz", **{key: np.zeros(1, np.float32) for key in shapes})
    monkeypatch.setattr(NpzFile, "shape", lambda self, key: shapes[key])
    assert load_config(tmp_path / "a.npz") == config


def test_another_size_asks_for_its_configuration(tmp_path):
    path = write(tmp_path / "a.npz")
    with pytest.raises(CheckpointError, match=r"width 48, 3 layers and 16 image tokens.*config="):
        load_model(path)


@pytest.mark.parametrize("arrays", [{}, {TABLE: np.zeros(4, np.float32)}])
def test_a_file_of_something_else_is_told(arrays, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(CheckpointError, match="not a PaliGemma file"):
        load_model(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop(NORM), f"lacks 1 arrays .{NORM}."),
        (lambda a: a.update({"opt/step": np.zeros(1, np.float32)}), "no place for: opt/step"),
        (lambda a: a.update({LINEAR: a[LINEAR][:2]}), f"{LINEAR} has 2 layers.*3"),
        (lambda a: a.update({LINEAR: np.float32(1)}), f"{LINEAR} has no layers"),
        (lambda a: a.update({LINEAR: np.zeros(3, np.float32)}), f"{LINEAR} has shape .3., which"),
        (lambda a: a.update({NORM: np.zeros(3, np.float32)}), r"text.norm.weight has shape \[3\]"),
        (lambda a: a.update({TABLE: np.zeros((384, 48), np.float32)}), r"\[384, 48\].*\[320, 48\]"),
        (lambda a: a.update({NORM: np.full(48, np.nan, np.float32)}), "text.norm.weight holds NaN"),
        (lambda a: a.update({NORM: np.zeros(48)}), "float64, not float32, float16 or bfloat16"),
        (lambda a: a.update({NORM: np.zeros(48, ">f4")}), "it holds >f4"),
        (lambda a: a.update({NORM: np.zeros(48, [("x", "V2")])}), "not float32"),
    ],
)
def test_an_array_that_is_wrong_is_named(change, words, tmp_path):
    path = write(tmp_path / "a.npz", change)
    with pytest.raises(CheckpointError, match=words):
        load_model(path, config=TINY["paligemma2"])


def test_float16_of_gemma_2_is_refused_here_too(tmp_path):
    path = write(
        tmp_path / "a.npz",
        lambda arrays: arrays.update({k: v.astype(np.float16) for k, v in arrays.items()}),
    )
    with pytest.raises(CheckpointError, match="Gemma 2 overflows"):
        load_model(path, config=TINY["paligemma2"])


def test_a_pickled_array_is_refused_and_never_opened(tmp_path):
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    path = write(tmp_path / "a.npz", lambda arrays: arrays.update({NORM: trap}))
    with pytest.raises(CheckpointError, match="it holds object"):
        load_model(path, config=TINY["paligemma2"])
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("keep", [0, 100, 100_000, -1])
def test_a_file_that_was_cut_off_is_told(keep, tmp_path):
    path = write(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"not a whole \.npz file.*download it again"):
        load_model(path, config=TINY["paligemma2"])


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-4], lambda data: b"\x93NUMPY", lambda _: b""]
)
def test_a_member_whose_size_is_not_its_shapes_is_told(spoil, tmp_path):
    array = io.BytesIO()
    np.save(array, np.zeros((4, 4), np.float32))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", spoil(array.getvalue()))
    with pytest.raises(CheckpointError, match=r"array 'x' of .* cannot be read"):
        NpzFile(tmp_path / "a.npz").read("x")
