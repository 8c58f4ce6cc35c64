"""A command line whose engine answers without a model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from palikit.cli.main import run
from palikit.engine import Engine
from palikit.results import Box, Region, Regions, Text
from palikit.tasks import Detect, Segment, Task

FOUND = Region("cat", Box(1.0, 2.0, 30.0, 20.0), score=0.875)


class FakeEngine(Engine):
    """Answers a word task with its own prompt, and finds one cat in every picture."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.decodings: list[Any] = []
        self.loaded: list[tuple[str, dict[str, Any]]] = []

    def run(
        self, requests: Sequence[tuple[Image.Image, Task]], *, decoding: Any, batch_size: int
    ) -> list[Text | Regions]:
        self.batches.append(len(requests))
        self.decodings.append(decoding)
        return [self._answer(picture, task) for picture, task in requests]

    def explain(self, task: Task, suffix: str | None = None) -> str:
        return f"{task.prefix} | {suffix}"

    def _answer(self, picture: Image.Image, task: Task) -> Text | Regions:
        if isinstance(task, Detect | Segment):
            return Regions((FOUND,), unparsed="<loc0001>", size=picture.size, text="...", score=0.5)
        return Text(f"you asked: {task.prefix}", 0.5, (-0.5,))


@dataclass
class Outcome:
    """How one command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that `palikit.engine.load` gives in this test; `loaded` says how it was asked."""
    fake = FakeEngine()

    def load(source: str, **how: Any) -> FakeEngine:
        fake.loaded.append((source, how))
        return fake

    monkeypatch.setattr("palikit.engine.load", load)
    return fake


@pytest.fixture
def palikit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Outcome]:
    """Run one command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Outcome:
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, re.sub(r"\s+$", "", captured.err))

    return command


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Three pictures and a text in `photos/`, one of them not a picture at all."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.jpg", "a.png", "c.PNG"):
        Image.new("RGB", (40, 30), "teal").save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    return ["photos/a.png", "photos/b.jpg", "photos/c.PNG"]
