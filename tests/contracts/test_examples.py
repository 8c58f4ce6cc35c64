"""Every example runs, as a user would run it, and says something."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path):
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_bundled_picture_is_what_its_command_draws(tmp_path):
    command = [sys.executable, str(ROOT / "examples/make_scene.py"), str(tmp_path / "scene.png")]
    subprocess.run(command, check=True, capture_output=True)
    drawn, bundled = (Image.open(folder / "scene.png") for folder in (tmp_path, ROOT / "examples"))
    assert np.array_equal(np.asarray(drawn), np.asarray(bundled))
