"""Every block of the README runs, in its order; one that cannot says why, and is listed here."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>\w*)\n(?P<code>.*?)```", re.S
)

TUTORIAL = "takes 5 minutes; a test runs the same with few pictures and steps"
NOT_RUN = [
    "changes the environment that runs the tests",
    TUTORIAL,
    "needs an account that has accepted the Gemma licence",
    "needs an account that has accepted the Gemma licence",
]


@dataclass(frozen=True)
class Block:
    """One fenced block; `why` when it is shown only."""

    kind: str
    code: str
    why: str | None


BLOCKS = [Block(found["kind"], found["code"], found["why"]) for found in BLOCK.finditer(README)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that looks like a fresh copy of the repository to the README's examples."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )


def test_every_block_is_of_a_kind_that_this_file_knows():
    assert README.count("```") == 2 * len(BLOCKS)
    assert {block.kind for block in BLOCKS} == {"python", "bash", "text"}
    assert [block.why for block in BLOCKS if block.why] == NOT_RUN


def test_python_blocks_run_one_after_the_other(place):
    code = "\n".join(block.code for block in BLOCKS if block.kind == "python" and not block.why)
    done = run([sys.executable, "-W", "error", "-c", code], place)
    assert done.returncode == 0, done.stderr
    assert (place / "boxed.png").exists()


def test_python_blocks_that_need_an_account_compile():
    for block in BLOCKS:
        if block.kind == "python" and block.why:
            compile(block.code, "README.md", "exec")


def test_bash_blocks_run(place):
    for block in BLOCKS:
        if block.kind == "bash" and not block.why:
            done = run(["bash", "-euo", "pipefail", "-c", block.code], place)
            assert done.returncode == 0, done.stderr
            assert done.stderr == "" or "not understood" in done.stderr
    assert (place / "drawn/scene.png").exists()


def test_commands_named_in_passing_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    for name in re.findall(r"`make (\w+)`", README):
        assert name in targets
    for script in re.findall(r"`python (\S+?\.py)`", README):
        assert (ROOT / script).is_file()


def test_the_tree_shows_what_is_there():
    (tree,) = (block.code for block in BLOCKS if block.kind == "text")
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).exists(), line


def test_the_tutorial_runs_with_few_pictures_and_steps(place):
    (block,) = [block for block in BLOCKS if block.why == TUTORIAL]
    short = re.sub(r"--count \d+", "--count 6 --side 56", block.code)
    short = re.sub(r"batch_size=\d+ steps=\d+", "batch_size=2 steps=2 workers=0", short)
    done = run(["bash", "-euo", "pipefail", "-c", short], place)
    assert done.returncode == 0, done.stderr
    assert "measured: ap50" in done.stderr
    assert (place / "found.png").exists()
    assert (place / "runs/new/model/adapter_model.safetensors").exists()
