"""Every metric can be had from `palikit.eval` by its name."""

import subprocess
import sys

import pytest

from palikit import eval as metrics


def test_every_name_is_there_and_no_other() -> None:
    assert all(callable(getattr(metrics, name)) for name in metrics.__all__)
    assert sorted(metrics._HOME_OF) == sorted(metrics.__all__)
    with pytest.raises(AttributeError, match="no_such_metric"):
        metrics.no_such_metric  # noqa: B018


def test_naming_a_metric_imports_no_torch() -> None:
    code = "import sys; from palikit.eval import teds; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
