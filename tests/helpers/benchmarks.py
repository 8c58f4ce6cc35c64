"""Small benchmarks, and an engine that answers them from a table."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from palikit.data.pictures import BytesPicture
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.predictions import Prediction
from palikit.results import Regions, Text
from palikit.tasks import Task

__all__ = ["FakeEngine", "benchmark", "item", "picture", "said"]


def picture(name: str = "p.png", size: tuple[int, int] = (40, 30)) -> BytesPicture:
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return BytesPicture(name, file.getvalue())


def item(name: str, *references: str, **fields: Any) -> Item:
    fields = {"pictures": (picture(),), "prefix": f"answer en {name}?"} | fields
    return Item(id=name, references=references, **fields)


def benchmark(metric: str, items: Sequence[Item] = (), **fields: Any) -> Benchmark:
    def read(root: Path, *, split: str | None = None) -> list[Item]:
        return list(items)

    fields = {"name": "small", "title": "Small (val)", "published": {}, "fetch": ""} | fields
    return Benchmark(
        split="val", text_length=32, metric=metric, licence="none", read=read, **fields
    )


def said(items: Sequence[Item], answers: Sequence[str], **fields: Any) -> list[Prediction]:
    return [Prediction(one.id, text, **fields) for one, text in zip(items, answers, strict=True)]


class FakeEngine:
    """Answers by prefix; what the table lacks is answered by the prefix itself.

    `asked` are the batches of prefixes; after `stop` requests it is interrupted.
    """

    mask_codec = None

    def __init__(self, table: Mapping[str, str] | None = None, stop: int | None = None) -> None:
        self.table = table or {}
        self.stop = stop
        self.asked: list[list[str]] = []
        self.tasks: list[Task] = []
        self.decodings: list[Any] = []

    def run(
        self, requests: Sequence[tuple[Any, Task]], *, decoding: Any, batch_size: int
    ) -> list[Text | Regions]:
        if self.stop is not None and sum(map(len, self.asked)) >= self.stop:
            raise KeyboardInterrupt
        self.asked.append([task.prefix for _, task in requests])
        self.tasks += [task for _, task in requests]
        self.decodings.append(decoding)
        return [self._answer(image, task) for image, task in requests]

    def _answer(self, image: Any, task: Task) -> Text | Regions:
        first = image[0] if isinstance(image, list) else image
        text = self.table.get(task.prefix, task.prefix)
        logprobs = [-0.1 - len(text) / 1000, -0.2]
        return task.parse(text, first.size, lambda start, end: 0.5, logprobs)
