"""Questions in flight: they join, are answered together, and leave, each at its own time.

    flight = vlm.in_flight()
    ticket = flight.join("photo.jpg", Describe())
    while flight.busy:
        for said in flight.step():
            said.ticket, said.ids, said.answer        # new tokens; the answer when it is whole

`Engine.run` and `Engine.stream` are this loop, and so is all that answers many at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch

from palikit.codecs.calibration import Calibration
from palikit.codecs.masks import MaskCodec
from palikit.decode.generate import Generated
from palikit.decode.grammar import FreeWalk
from palikit.decode.room import Room
from palikit.decode.rows import Request
from palikit.decode.sampling import Decoding
from palikit.decode.slots import Slots, Told
from palikit.errors import UsageError
from palikit.inputs.processor import Processor
from palikit.inputs.tokenizer import Tokenizer
from palikit.results import Regions, Text
from palikit.tasks import Task

from .asked import Asked
from .looking import ImageLike, Looker
from .reading import kept, read_answer

__all__ = ["InFlight", "Said", "Words"]

GREEDY = Decoding()


@dataclass(frozen=True, slots=True)
class Said:
    """What a step said to one request.

    Attributes:
        ids: its new tokens.
        answer: the whole, once it has come to its end; the slot is free then.
        error: why there will be none; whose errors are shared, `decode.slots.Told` says.
    """

    ticket: int
    ids: tuple[int, ...] = ()
    answer: Text | Regions | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Answering:
    asked: Asked
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)

    def whole(self, *, finished: bool) -> Generated:
        """All that was said."""
        return Generated(tuple(self.ids), tuple(self.logprobs), finished, tuple(self.offsets))


class InFlight:
    """Requests of any tasks, pictures and samplers, decoded together; one thread at a time."""

    def __init__(
        self,
        looker: Looker,
        processor: Processor,
        mask_codec: MaskCodec | None,
        room: Room,
        calibration: Calibration | None = None,
    ) -> None:
        self.looker = looker
        self.processor = processor
        self.mask_codec = mask_codec
        self._calibration = calibration
        self.slots = Slots(looker.model, room)
        self._answering: dict[int, _Answering] = {}

    @property
    def busy(self) -> bool:
        """Whether anybody has no whole answer yet."""
        return self.slots.busy

    @property
    def full(self) -> bool:
        """Whether one more would have to wait for a slot."""
        return self.slots.in_flight + self.slots.waiting >= self.slots.room.slots

    def join(self, image: ImageLike, task: Task, *, decoding: Decoding = GREEDY) -> int:
        """Read a picture and wait for a slot; returns the ticket by which steps speak of it.

        The vision tower looks at the picture when its turn comes.

        Raises:
            ImageError: the picture cannot be read.
            UsageError: a beam search, which has no steps, or more than fits into the cache.
        """
        if decoding.beam_size > 1:
            raise UsageError("a beam search has nothing to say until it ends: use run instead")
        prepared = self.looker.prepare(image)
        asked = Asked.about(prepared.size, task, self.processor, decoding)
        ticket = self.slots.join(
            Request(
                asked.prefix,
                asked.limit,
                frozenset([self.processor.tokenizer.eos_id]),
                lambda: self.looker.see(prepared).features,
                self.looker.tokens(prepared),
                decoding.sampler,
                decoding.seed,
                asked.walk or FreeWalk(),
                asked.ruler,
            )
        )
        self._answering[ticket] = _Answering(asked)
        return ticket

    def cancel(self, ticket: int) -> bool:
        """Forget a request, its slot free at once; False where it has ended already."""
        self._answering.pop(ticket, None)
        return self.slots.cancel(ticket)

    def close(self) -> None:
        """Forget all requests."""
        self._answering.clear()
        self.slots.close()

    def step(self) -> list[Said]:
        """Call the model once, if there is anything to do; what that said, one entry a request."""
        return [self._said(told) for told in self.slots.step()]

    def answers(
        self, requests: Iterable[tuple[ImageLike, Task]], *, decoding: Decoding = GREEDY
    ) -> Iterator[tuple[int, Text | Regions]]:
        """Answers with the numbers of their requests, as they come; only as many are read ahead.

            {0: Text("a cat"), 1: Regions(...)}[i] for i, answer in flight.answers(requests)

        Raises:
            PalikitError: of the first that fails; those still in flight are forgotten.
        """
        coming = enumerate(requests)
        numbers: dict[int, int] = {}
        try:
            while True:
                while not self.full and (following := next(coming, None)) is not None:
                    number, (image, task) = following
                    numbers[self.join(image, task, decoding=decoding)] = number
                if not self.busy:
                    return
                for said in self.step():
                    if said.error is not None:
                        raise said.error
                    if said.answer is not None:
                        yield numbers.pop(said.ticket), said.answer
        finally:
            for ticket in numbers:
                self.cancel(ticket)

    @torch.inference_mode()
    def _said(self, told: Told) -> Said:
        if told.error is not None:
            del self._answering[told.ticket]
            return Said(told.ticket, error=told.error)
        one = self._answering[told.ticket]
        one.ids.extend(told.ids)
        one.logprobs.extend(told.logprobs)
        one.offsets.extend(told.offsets)
        if told.ended is None:
            return Said(told.ticket, told.ids)
        del self._answering[told.ticket]
        whole = one.whole(finished=told.ended == "eos")
        try:
            answer = self._read(one.asked, whole)
        # Such as masks without a codec to paste them: the others have nothing to do with it.
        except Exception as error:
            return Said(told.ticket, told.ids, error=error)
        return Said(told.ticket, told.ids, answer)

    def _read(self, asked: Asked, told: Generated) -> Text | Regions:
        answer = kept(told, asked.walk)
        tokenizer = self.processor.tokenizer
        return read_answer(
            asked.task, answer, asked.size, tokenizer, self.mask_codec, self._calibration
        )


class Words:
    """Tokens as pieces of text, as they come; joined, the pieces are the text of all tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._said = ""

    def add(self, ids: Iterable[int], *, ended: bool = False) -> str:
        """What is new, which may be nothing until more has come."""
        self._ids += ids
        text = self._tokenizer.decode(self._ids)
        # A character of several bytes shows as a replacement mark until its last byte has come.
        if text.endswith("\ufffd") and not ended:
            return ""
        new = text[len(self._said) :]
        self._said = text
        return new
