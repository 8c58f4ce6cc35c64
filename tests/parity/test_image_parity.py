"""Our pixels against `transformers`' image processor, the one that resizes with Pillow."""

import numpy as np
import pytest
from PIL import Image

from palikit.inputs.image import Resize, load_image

pytest.importorskip("transformers")

SIZES = [
    (224, 224), (448, 448), (1, 1), (2, 3), (7, 500), (500, 7), (640, 480), (480, 640), (225, 223),
    (447, 449), (1000, 333), (96, 96), (112, 300), (1280, 720), (300, 300), (896, 896), (31, 17),
    (448, 224), (200, 1), (1023, 767),
]  # fmt: skip
MODES = ["RGB", "L", "P", "1", "CMYK", "YCbCr", "HSV"]


def picture(size: tuple[int, int], mode: str, seed: int) -> Image.Image:
    """Smooth colours with noise on one half, where a resize shows how it weighs its pixels."""
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 127 * np.sin(x / (3 + c) + y / (9 - c)) for c in range(3)]
    pixels = np.stack(waves, axis=-1)
    pixels[:, : width // 2] = rng.integers(0, 256, (height, width // 2, 3))
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("side", [224, 448])
@pytest.mark.parametrize("index", range(len(SIZES)))
def test_pixels_equal_the_siglip_processor(index: int, side: int) -> None:
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    image = picture(SIZES[index], MODES[index % len(MODES)], index)
    theirs = SiglipImageProcessorPil(
        size={"height": side, "width": side}, resample=Image.Resampling.BICUBIC
    )
    expected = theirs(image.convert("RGB"), return_tensors="np")["pixel_values"][0]
    ours = Resize(side)(load_image(image)).numpy()
    assert ours.shape == expected.shape == (3, side, side)
    assert ours.dtype == np.float32
    assert np.abs(ours - expected).max() <= 1e-6  # the bar is 1/255
