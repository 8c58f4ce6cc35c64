"""Where all stages meet: a picture and a task in, a typed answer out.

vlm = load("nano")
vlm.detect("photo.jpg", ["cat", "dog"])            # Regions, in pixels of photo.jpg
seen = vlm.look("photo.jpg")                        # the vision tower once, for many questions
vlm.run([(seen, Caption()), (seen, Answer("what is this?"))])
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from palikit.codecs.calibration import Calibration
from palikit.codecs.masks import MaskCodec
from palikit.decode.room import Room
from palikit.decode.sampling import Decoding
from palikit.errors import UsageError
from palikit.inputs.processor import Processor
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

from .asked import Asked
from .beams import search
from .in_flight import InFlight, Words
from .looking import ImageLike, Looker
from .machine import room_for
from .reading import read_answer
from .seen import Seen, SeenCache

__all__ = ["Engine"]

GREEDY = Decoding()


class Engine:
    """A model with its processor and, where there is one, its mask codec."""

    def __init__(
        self,
        model: PaliGemma,
        processor: Processor,
        mask_codec: MaskCodec | None = None,
        *,
        seen_bytes: int = 0,
        room: Room | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Join the parts; any room not given is computed from the machine when it is first needed.

        `seen_bytes` are for features of the last pictures: none where weights may change.
        """
        self.model = model.eval()
        self.processor = processor
        self.mask_codec = mask_codec
        self.seen = SeenCache(seen_bytes)
        self._room = room
        self._calibration = calibration

    @property
    def room(self) -> Room:
        """How much may be in flight at once."""
        if self._room is None:
            self._room = room_for(self.model)
        return self._room

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

    def look(self, image: ImageLike) -> Seen:
        """Run the vision tower once; the result is accepted wherever a picture is.

        A picture of the same pixels as one of the last is not looked at again (`self.seen`).
        """
        looker = self._looker()
        return looker.see(looker.prepare(image))

    def in_flight(self, slots: int | None = None) -> InFlight:
        """The loop that answers many at once, for requests that come and go on their own.

            flight = vlm.in_flight()
            ticket = flight.join(image, Describe())
            flight.step()          # what was said since; flight.cancel(ticket) frees its slot

        `slots` is how many at once; None as the machine has room for.
        """
        room = self.room if slots is None else replace(self.room, slots=slots)
        return InFlight(self._looker(), self.processor, self.mask_codec, room, self._calibration)

    def run(
        self,
        requests: Sequence[tuple[ImageLike, Task]],
        *,
        decoding: Decoding = GREEDY,
        batch_size: int | None = None,
    ) -> list[Text | Regions]:
        """Answer many requests, of any tasks, `batch_size` at once; in the order asked.

        Each is decoded as if it were alone: its own length limit, end and random numbers. One that
        ends makes room for the next.
        """
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        if decoding.beam_size > 1:
            return self._search(requests, decoding, batch_size or self.room.slots)
        answers = dict(self.in_flight(batch_size).answers(requests, decoding=decoding))
        return [answers[i] for i in range(len(requests))]

    def stream(self, image: ImageLike, task: Task, *, decoding: Decoding = GREEDY) -> Iterator[str]:
        """The answer's text piece by piece, as it is decoded; joined, the pieces are the answer."""
        if decoding.beam_size > 1:
            raise UsageError("a beam search has no text to stream until it ends: use run instead")
        flight, words = self.in_flight(1), Words(self.processor.tokenizer)
        flight.join(image, task, decoding=decoding)
        while flight.busy:
            (said,) = flight.step()
            if said.error is not None:
                raise said.error
            if piece := words.add(said.ids, ended=said.answer is not None):
                yield piece

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

    def _looker(self) -> Looker:
        return Looker(self.model, self.processor.resize, self.seen)

    @torch.inference_mode()
    def _search(
        self, requests: Sequence[tuple[ImageLike, Task]], decoding: Decoding, batch_size: int
    ) -> list[Text | Regions]:
        answers: list[Text | Regions] = []
        for start in range(0, len(requests), batch_size):
            some = [(self.look(image), task) for image, task in requests[start:][:batch_size]]
            asked = [
                (seen, Asked.about(seen.size, task, self.processor, decoding))
                for seen, task in some
            ]
            found = search(self.model, self.processor, asked, decoding)
            answers += [
                read_answer(
                    one.task,
                    told,
                    one.size,
                    self.processor.tokenizer,
                    self.mask_codec,
                    self._calibration,
                )
                for (_, one), told in zip(asked, found, strict=True)
            ]
        return answers
