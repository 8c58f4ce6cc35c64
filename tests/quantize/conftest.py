"""What tests of packed weights share."""

from collections.abc import Iterator

import pytest

from palikit.quantize import native


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without a compiler."""
    monkeypatch.setenv(native.SWITCH, "off")
    native.kernels.cache_clear()
    yield
    native.kernels.cache_clear()
