"""What passes a packed weight on its way back, and in parts of the weight as in the whole."""

import pytest
import torch

from palikit.quantize import packed as packed_module
from palikit.quantize.int4 import Int4Linear
from palikit.quantize.int8 import Int8Embedding, Int8Linear
from palikit.quantize.packed import Packed

INPUTS, OUTPUTS = 70, 300  # neither is a multiple of anything that int4 pads to


def layers() -> dict[str, Packed]:
    made: dict[str, Packed] = {
        "int8": Int8Linear(INPUTS, OUTPUTS, bias=False),
        "int4": Int4Linear(INPUTS, OUTPUTS, bias=False, group=32),
        "table": Int8Embedding(INPUTS, OUTPUTS),
    }
    weight = torch.randn(OUTPUTS, INPUTS, generator=torch.Generator().manual_seed(0))
    for layer in made.values():
        layer.pack(weight)
    return made


@pytest.mark.parametrize("name", ["int8", "int4", "table"])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 64), slice(128, 200), slice(256, 300)])
def test_some_rows_unpack_as_they_do_with_all(name: str, rows: slice) -> None:
    layer = layers()[name]
    assert torch.equal(layer.unpack(rows), layer.unpack()[rows])


@pytest.mark.parametrize("name", ["int8", "int4", "table"])
@pytest.mark.parametrize("at_once", [64, 128, 1 << 14])
def test_products_in_parts_are_those_of_the_whole_weight(
    name: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = layers()[name]
    monkeypatch.setattr(packed_module, "UNPACKED_ROWS", at_once)
    g = torch.Generator().manual_seed(1)
    x, gradient = torch.randn(5, INPUTS, generator=g), torch.randn(5, OUTPUTS, generator=g)
    whole = layer.unpack()
    torch.testing.assert_close(layer.ahead(x), x @ whole.t(), atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(layer.back(gradient), gradient @ whole, atol=1e-4, rtol=1e-5)
