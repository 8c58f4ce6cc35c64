"""Where all stages meet: a picture and a task in, a typed answer out.

vlm = load("nano")
vlm.detect("photo.jpg", ["cat", "dog"])            # Regions, in pixels of photo.jpg
seen = vlm.look("photo.jpg")                        # the vision tower once, for many questions
vlm.run([(seen, Caption()), (seen, Answer("what is this?"))])
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image

from palikit.codecs.masks import MaskCodec
from palikit.decode.beam import beam_search
from palikit.decode.generate import collect, generate
from palikit.decode.grammar import Walk
from palikit.decode.sampling import Decoding
from palikit.errors import UsageError
from palikit.inputs.image import load_image
from palikit.inputs.processor import Processor, Row
from palikit.model.paligemma import PaliGemma
from palikit.results import Regions, Text
from palikit.tasks import (
    Answer,
    Ask,
    Caption,
    Describe,
    Detect,
    Ocr,
    Question,
    Segment,
    Task,
)

from .forms import begin_walk
from .reading import kept, read_answer
from .seen import Seen, SeenCache, content_key

__all__ = ["Engine", "ImageLike", "Seen"]

GREEDY = Decoding()

Picture: TypeAlias = str | Path | bytes | Image.Image | np.ndarray


ImageLike: TypeAlias = Picture | Seen | Sequence[Picture]


class Engine:
    """A model with its processor and, where there is one, its mask codec."""

    def __init__(
        self,
        model: PaliGemma,
        processor: Processor,
        mask_codec: MaskCodec | None = None,
        *,
        seen_bytes: int = 0,
    ) -> None:
        """`seen_bytes` for features of the last pictures: none where weights may change."""
        self.model = model.eval()
        self.processor = processor
        self.mask_codec = mask_codec
        self.seen = SeenCache(seen_bytes)

    def caption(self, image: ImageLike, lang: str = "en", *, decoding: Decoding = GREEDY) -> Text:
        """A short caption in a language, by its code: `en`, `de`, `th`."""
        return self._text(image, Caption(lang=lang), decoding)

    def describe(self, image: ImageLike, lang: str = "en", *, decoding: Decoding = GREEDY) -> Text:
        """A longer description."""
        return self._text(image, Describe(lang=lang), decoding)

    def ocr(self, image: ImageLike, *, decoding: Decoding = GREEDY) -> Text:
        """The words that can be read in the picture."""
        return self._text(image, Ocr(), decoding)

    def answer(
        self, image: ImageLike, question: str, lang: str = "en", *, decoding: Decoding = GREEDY
    ) -> Text:
        """The answer to a question about the picture."""
        return self._text(image, Answer(question, lang=lang), decoding)

    def question(
        self, image: ImageLike, answer: str, lang: str = "en", *, decoding: Decoding = GREEDY
    ) -> Text:
        """A question about the picture whose answer is `answer`."""
        return self._text(image, Question(answer, lang=lang), decoding)

    def ask(self, image: ImageLike, prompt: str, *, decoding: Decoding = GREEDY) -> Text:
        """Any prompt at all, answered as plain text."""
        return self._text(image, Ask(prompt), decoding)

    def detect(
        self, image: ImageLike, labels: Sequence[str] | str, *, decoding: Decoding = GREEDY
    ) -> Regions:
        """Boxes of what is asked for: `["cat", "dog"]` or `"cat ; dog"`."""
        return self._regions(image, Detect(labels), decoding)

    def segment(
        self, image: ImageLike, labels: Sequence[str] | str, *, decoding: Decoding = GREEDY
    ) -> Regions:
        """Boxes and masks of what is asked for."""
        return self._regions(image, Segment(labels), decoding)

    @torch.inference_mode()
    def look(self, image: ImageLike) -> Seen:
        """Run the vision tower once; the result is accepted wherever a picture is.

        A picture of the same pixels as one of the last is not looked at again (`self.seen`).
        """
        if isinstance(image, Seen):
            return image
        pictures = [load_image(frame) for frame in _frames(image)]
        if not pictures:
            raise UsageError("no picture was given: pass one picture or a list of at least one")
        key = content_key(pictures)
        seen = self.seen.get(key)
        if seen is None:
            pixels = torch.stack([self.processor.resize(picture) for picture in pictures])
            weight = self.model.connector.weight
            features = self.model.embed_image(pixels[None].to(weight))
            seen = Seen(features, pictures[0].size)
            self.seen.put(key, seen)
        return seen

    def run(
        self,
        requests: Sequence[tuple[ImageLike, Task]],
        *,
        decoding: Decoding = GREEDY,
        batch_size: int = 8,
    ) -> list[Text | Regions]:
        """Answer many requests, of any tasks, in batches; in the order asked.

        Each row is decoded as if it were alone: its own length limit, end and random numbers.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        answers: dict[int, Text | Regions] = {}
        for start in range(0, len(requests), batch_size):
            looked = {
                i: self.look(requests[i][0])
                for i in range(start, min(start + batch_size, len(requests)))
            }
            # Rows of different numbers of pictures do not fit into one tensor.
            by_length: dict[int, list[int]] = {}
            for i, seen in looked.items():
                by_length.setdefault(seen.features.shape[1], []).append(i)
            for rows in by_length.values():
                asked = [(looked[i], requests[i][1]) for i in rows]
                answers.update(zip(rows, self._run_batch(asked, decoding), strict=True))
        return [answers[i] for i in range(len(requests))]

    @torch.inference_mode()
    def stream(self, image: ImageLike, task: Task, *, decoding: Decoding = GREEDY) -> Iterator[str]:
        """The answer's text piece by piece, as it is decoded; joined, the pieces are the answer."""
        if decoding.beam_size > 1:
            raise UsageError("a beam search has no text to stream until it ends: use run instead")
        seen = self.look(image)
        task = _in_pixels_of(seen, task)
        batch = self.processor.collate([self._row(task)])
        columns = generate(
            self.model,
            seen.features,
            batch.tokens.to(seen.features.device),
            None,
            eos_id=self.processor.tokenizer.eos_id,
            max_new_tokens=self._limit(task, decoding),
            sampler=decoding.sampler,
            seed=decoding.seed,
            walks=[self._walk(task, decoding)],
        )
        ids: list[int] = []
        said = ""
        for column in columns:
            ids += [i for i in column.ids if i is not None]
            text = self.processor.tokenizer.decode(ids)
            # A character of several bytes shows as a replacement mark until its last byte has come.
            if text.endswith("\ufffd"):
                continue
            if text != said:
                yield text[len(said) :]
            said = text
        rest = self.processor.tokenizer.decode(ids)[len(said) :]
        if rest:
            yield rest

    def explain(self, task: Task, suffix: str | None = None, *, num_images: int = 1) -> str:
        """The exact layout of a request's tokens, as a table."""
        return self.processor.explain(
            task.prefix, suffix, num_images=num_images, codes=task.has_codes
        )

    def _text(self, image: ImageLike, task: Task, decoding: Decoding) -> Text:
        (answer,) = self.run([(image, task)], decoding=decoding)
        assert isinstance(answer, Text)
        return answer

    def _regions(self, image: ImageLike, task: Task, decoding: Decoding) -> Regions:
        (answer,) = self.run([(image, task)], decoding=decoding)
        assert isinstance(answer, Regions)
        return answer

    def _row(self, task: Task) -> Row:
        prefix = self.processor.prefix_ids(task.prefix, codes=task.has_codes)
        return Row(images=None, prefix=prefix)

    def _walk(self, task: Task, decoding: Decoding) -> Walk | None:
        return begin_walk(task.grammar, self.processor.tokenizer) if decoding.grammar else None

    def _limit(self, task: Task, decoding: Decoding) -> int:
        return decoding.max_new_tokens or task.max_new_tokens

    @torch.inference_mode()
    def _run_batch(
        self, asked: Sequence[tuple[Seen, Task]], decoding: Decoding
    ) -> list[Text | Regions]:
        seen = [one for one, _ in asked]
        tasks = [_in_pixels_of(one, task) for one, task in asked]
        batch = self.processor.collate([self._row(task) for task in tasks])
        features = torch.cat([one.features for one in seen])
        tokens = batch.tokens.to(features.device)
        mask = batch.mask_input.to(features.device)
        limits = [self._limit(task, decoding) for task in tasks]
        eos = self.processor.tokenizer.eos_id
        if decoding.beam_size > 1:
            generated = beam_search(
                self.model,
                features,
                tokens,
                mask,
                eos_id=eos,
                beam_size=decoding.beam_size,
                max_new_tokens=limits,
            )
        else:
            walks = [self._walk(task, decoding) for task in tasks]
            told = collect(
                generate(
                    self.model,
                    features,
                    tokens,
                    mask,
                    eos_id=eos,
                    max_new_tokens=limits,
                    sampler=decoding.sampler,
                    seed=decoding.seed,
                    walks=walks,
                )
            )
            generated = [kept(one, walk) for one, walk in zip(told, walks, strict=True)]
        return [
            read_answer(task, one, picture.size, self.processor.tokenizer, self.mask_codec)
            for task, one, picture in zip(tasks, generated, seen, strict=True)
        ]


def _frames(image: Picture | Sequence[Picture]) -> Sequence[Picture]:
    if isinstance(image, (str, Path, bytes, Image.Image, np.ndarray)):
        return [image]
    return image


def _in_pixels_of(seen: Seen, task: Task) -> Task:
    """A caption of a region, told which picture its pixels are of."""
    if isinstance(task, Caption) and task.region is not None and task.size is None:
        return replace(task, size=seen.size)
    return task
