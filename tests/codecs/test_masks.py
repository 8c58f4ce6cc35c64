import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from palikit.codecs.masks import MaskCodec, mask_to_patch, paste_mask
from palikit.errors import CodecError, UsageError
from palikit.results import Box

SHAPES = {
    "encoder.0": (16, 1, 4, 4), "encoder.2": (32, 16, 4, 4), "encoder.4": (64, 32, 4, 4),
    "encoder.6": (128, 64, 4, 4), "encoder.10": (512, 128, 1, 1), "decoder.0": (128, 512, 1, 1),
    "decoder.4": (128, 128, 4, 4), "decoder.6": (128, 64, 4, 4), "decoder.8": (64, 32, 4, 4),
    "decoder.10": (32, 16, 4, 4), "decoder.12": (1, 16, 1, 1),
}  # fmt: skip
TRANSPOSED = {"decoder.4", "decoder.6", "decoder.8", "decoder.10"}
for block in ("encoder.8", "encoder.9", "decoder.2", "decoder.3"):
    SHAPES |= {f"{block}.net.0": (128, 128, 3, 3), f"{block}.net.2": (128, 128, 3, 3)}
    SHAPES |= {f"{block}.net.4": (128, 128, 1, 1)}


@pytest.fixture(scope="module")
def official():
    """Random weights in the layout of vae-oid.npz, of a size that keeps the signal alive."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in SHAPES.items():
        fan_in = (shape[0] * 4 if name in TRANSPOSED else np.prod(shape[1:])) or 1
        biases = shape[1] if name in TRANSPOSED else shape[0]
        weights[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        weights[f"{name}.bias"] = rng.normal(0, 0.1, biases).astype(np.float32)
    weights["_vq_vae._embedding"] = rng.normal(0, 1, (128, 512)).astype(np.float32)
    return weights


@pytest.fixture(scope="module")
def codec(official, tmp_path_factory):
    path = tmp_path_factory.mktemp("codec") / "vae-oid.npz"
    np.savez(path, **official)
    return MaskCodec.load(path)


@pytest.fixture(scope="module")
def masks():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:64, :64]
    blobs = []
    for _ in range(12):
        cy, cx, ry, rx = rng.uniform(8, 56, 4)
        blobs.append(np.clip(1.5 - np.hypot((y - cy) / ry, (x - cx) / rx), 0, 1))
    return np.stack(blobs).astype(np.float32)


# The same arithmetic written a second way: double precision, no torch, no convolution calls.
def plain_conv(x, w, b, stride=1, pad=0):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k = w.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    return np.tensordot(windows, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[:, None, None]


def plain_upconv(x, w, b):
    """Each input pixel stamps its 4 x 4 kernel every two pixels; the outermost ring is cut off."""
    n, _, h, width = x.shape
    out = np.zeros((n, w.shape[1], 2 * h + 2, 2 * width + 2))
    for i in range(h):
        for j in range(width):
            stamp = np.tensordot(x[:, :, i, j], w, ((1,), (0,)))
            out[:, :, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += stamp
    return out[:, :, 1:-1, 1:-1] + b[:, None, None]


def plain_block(x, get, name):
    h = np.maximum(plain_conv(x, *get(f"{name}.net.0"), pad=1), 0)
    h = np.maximum(plain_conv(h, *get(f"{name}.net.2"), pad=1), 0)
    return x + plain_conv(h, *get(f"{name}.net.4"))


def getter(weights):
    return lambda name: (
        weights[f"{name}.weight"].astype(np.float64),
        weights[f"{name}.bias"].astype(np.float64),
    )


def plain_encode(masks, weights):
    get = getter(weights)
    x = 2 * (masks[:, None].astype(np.float64) - 0.5)
    for name in ("encoder.0", "encoder.2", "encoder.4", "encoder.6"):
        x = np.maximum(plain_conv(x, *get(name), stride=2, pad=1), 0)
    for name in ("encoder.8", "encoder.9"):
        x = plain_block(x, get, name)
    x = plain_conv(x, *get("encoder.10"))
    vectors = x.transpose(0, 2, 3, 1).reshape(len(masks), 16, 1, 512)
    codebook = weights["_vq_vae._embedding"].astype(np.float64)
    return np.square(vectors - codebook).sum(-1).argmin(-1)


def plain_decode(codes, weights):
    get = getter(weights)
    x = weights["_vq_vae._embedding"][codes].astype(np.float64)
    x = x.reshape(len(codes), 4, 4, 512).transpose(0, 3, 1, 2)
    x = np.maximum(plain_conv(x, *get("decoder.0")), 0)
    for name in ("decoder.2", "decoder.3"):
        x = plain_block(x, get, name)
    for name in ("decoder.4", "decoder.6", "decoder.8", "decoder.10"):
        x = np.maximum(plain_upconv(x, *get(name)), 0)
    return plain_conv(x, *get("decoder.12"))[:, 0]


def test_codes_equal_a_plain_recomputation(codec, official, masks):
    codes = codec.encode(torch.from_numpy(masks))
    assert codes.dtype == torch.int64
    assert len(codes.unique()) > 5
    np.testing.assert_array_equal(codes.numpy(), plain_encode(masks, official))


def test_decoded_masks_equal_a_plain_recomputation(codec, official):
    codes = np.random.default_rng(2).integers(0, 128, (6, 16))
    decoded = codec.decode(torch.from_numpy(codes)).numpy()
    expected = plain_decode(codes, official)
    assert np.abs(expected).max() > 0.1
    assert np.abs(decoded - expected).max() <= 1e-4


def test_a_new_codec_has_the_official_names_and_shapes(official):
    ours = {name: tuple(value.shape) for name, value in MaskCodec().state_dict().items()}
    assert ours == {name: value.shape for name, value in official.items()}


def test_features_and_codes_of_the_training_path_agree(codec, masks):
    batch = torch.from_numpy(masks)
    codes = codec.quantise(codec.features(batch))
    assert torch.equal(codes, codec.encode(batch))
    assert torch.equal(codec.reconstruct(codec.codebook[codes]).detach(), codec.decode(codes))


def test_gradients_reach_encoder_decoder_and_codebook(masks):
    codec = MaskCodec()
    vectors = codec.features(torch.from_numpy(masks))
    loss = codec.reconstruct(vectors).square().mean()
    loss = loss + (vectors - codec.codebook[codec.quantise(vectors)]).square().mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in codec.parameters())


def test_a_codec_saved_as_safetensors_comes_back_equal(codec, tmp_path):
    codec.save(tmp_path / "codec.safetensors")
    again = MaskCodec.load(tmp_path / "codec.safetensors")
    assert load_file(tmp_path / "codec.safetensors").keys() == codec.state_dict().keys()
    for name, value in codec.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert [path.name for path in tmp_path.iterdir()] == ["codec.safetensors"]


def test_saving_under_another_ending_is_refused(codec, tmp_path):
    with pytest.raises(UsageError, match="safetensors"):
        codec.save(tmp_path / "codec.npz")


def test_training_averages_in_the_file_are_ignored(official, tmp_path):
    extra = {"_vq_vae._ema_w": np.zeros((128, 512)), "_vq_vae._ema_cluster_size": np.zeros(128)}
    np.savez(tmp_path / "full.npz", **official, **extra)
    assert MaskCodec.load(tmp_path / "full.npz").state_dict().keys() == official.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("encoder.8.net.0.weight"), "missing: encoder.8.net.0.weight"),
        (lambda w: w.update(stray=np.zeros(3)), "unexpected: stray"),
        (
            lambda w: w.update({"decoder.12.bias": np.zeros(2)}),
            r"mis-shaped: decoder.12.bias \[2\] instead of \[1\]",
        ),
        (
            lambda w: w.update({"decoder.12.bias": np.array([np.nan])}),
            "not finite: decoder.12.bias",
        ),
    ],
    ids=["missing", "unexpected", "mis-shaped", "not finite"],
)
def test_another_layout_is_refused_with_the_names(official, tmp_path, change, said):
    weights = dict(official)
    change(weights)
    np.savez(tmp_path / "wrong.npz", **weights)
    with pytest.raises(CodecError, match=said):
        MaskCodec.load(tmp_path / "wrong.npz")


def _write_pickle(path):
    np.savez(path, **{"encoder.0.weight": np.array([{"a": 1}], dtype=object)})


def _write_half(path):
    np.savez(path, a=np.zeros(999))
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("none.npz", lambda path: None),
        ("text.npz", lambda path: path.write_text("not an archive")),
        ("empty.npz", lambda path: path.write_bytes(b"")),
        ("text.safetensors", lambda path: path.write_text("not an archive")),
        ("pickled.npz", _write_pickle),
        ("strings.npz", lambda path: np.savez(path, a=np.array(["words"]))),
        ("cut.npz", _write_half),
        ("array.npz", lambda path: np.save(path.open("wb"), np.zeros(3))),
    ],
)  # fmt: skip
def test_a_file_that_is_no_codec_is_refused(tmp_path, name, write):
    write(tmp_path / name)
    with pytest.raises(CodecError, match=name):
        MaskCodec.load(tmp_path / name)


def test_shapes_and_codes_out_of_range_are_refused(codec):
    with pytest.raises(UsageError, match="mask_to_patch"):
        codec.encode(torch.zeros(1, 64, 65))
    with pytest.raises(UsageError, match="16"):
        codec.decode(torch.zeros(1, 15, dtype=torch.int64))
    with pytest.raises(UsageError, match=r"0\.\.127"):
        codec.decode(torch.full((1, 16), 128))


def test_an_empty_batch_gives_an_empty_batch(codec):
    assert codec.encode(torch.zeros(0, 64, 64)).shape == (0, 16)
    assert codec.decode(torch.zeros(0, 16, dtype=torch.int64)).shape == (0, 64, 64)


def test_a_patch_is_the_mask_inside_its_box():
    mask = np.zeros((200, 300), np.bool_)
    mask[50:100, 60:160] = True
    patch = mask_to_patch(mask, Box(60, 50, 160, 150))
    assert patch.dtype == torch.float32
    assert patch[:31].min() > 0.999
    assert patch[33:].max() < 0.001


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 300), st.integers(1, 300))
def test_an_ellipse_cut_out_and_pasted_back_keeps_its_place(corners, width, height):
    x1, x2 = sorted((corners[0] * width, corners[1] * width))
    y1, y2 = sorted((corners[2] * height, corners[3] * height))
    box = Box(x1, y1, x2, y2)
    y, x = np.mgrid[:height, :width] + 0.5
    rx, ry = max(box.width / 2, 0.5), max(box.height / 2, 0.5)
    mask = np.hypot((x - x1 - rx) / rx, (y - y1 - ry) / ry) <= 1
    back = paste_mask(2 * mask_to_patch(mask, box) - 1, box, (width, height))
    assert back.shape == mask.shape
    if box.width >= 8 and box.height >= 8:
        assert (back & mask).sum() / (back | mask).sum() > 0.9


@pytest.mark.parametrize("box", [Box(0, 0, 0.2, 0.2), Box(9.9, 9.9, 10, 10), Box(0, 3, 10, 3)])
def test_a_box_thinner_than_a_pixel_still_gets_one(box):
    assert paste_mask(torch.ones(64, 64), box, (10, 10)).any()
    assert mask_to_patch(np.ones((10, 10), np.bool_), box).min() > 0.999


def test_what_is_pasted_outside_the_picture_is_cut_off():
    pasted = paste_mask(torch.ones(64, 64), Box(-5, -5, 5, 5), (10, 10))
    assert pasted[:5, :5].all()
    assert pasted.sum() == 25
    assert not paste_mask(torch.ones(64, 64), Box(20, 20, 30, 30), (10, 10)).any()


def test_cutting_a_box_outside_the_mask_is_refused():
    with pytest.raises(UsageError, match="outside"):
        mask_to_patch(np.ones((10, 10), np.bool_), Box(20, 20, 30, 30))
