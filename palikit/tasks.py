"""What can be asked of a picture: how each question is spelled and how its answer is read.

    Detect(["cat", "dog"]).prefix                                  "detect cat ; dog"
    Detect(["cat"]).parse("<loc0051>… cat", size=(640, 480))       Regions(items=(...), ...)

Prompts follow the PaliGemma paper (arXiv 2407.07726, section 3.2.5) and its model card. A prefix
holds neither `<bos>` nor the newline that ends a prompt: those are the processor's.

What the score of a region is stands in `codecs/regions.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from palikit.codecs import prompts
from palikit.codecs.boxes import encode_box, format_box
from palikit.codecs.prompts import check_limit, check_words
from palikit.codecs.regions import read_regions, write_regions
from palikit.codecs.scores import Score, mean_score
from palikit.codecs.text import join_regions
from palikit.errors import UsageError
from palikit.results import Box, Regions, Text

__all__ = ["TASKS", "Answer", "Ask", "Caption", "Describe", "Detect"]
__all__ += ["Ocr", "Question", "Score", "Segment", "Task"]

Size: TypeAlias = tuple[int, int]
"""(width, height) of a picture, in pixels."""


class Task(ABC):
    """One question to ask of a picture."""

    name: ClassVar[str]
    max_new_tokens: int

    @property
    @abstractmethod
    def prefix(self) -> str:
        """The prompt, without its ends."""

    @property
    def has_codes(self) -> bool:
        """Whether the prefix holds <loc> tokens of our own making, to be read as such."""
        return False

    @property
    def grammar(self) -> prompts.AnswerForm | None:
        """What form an answer has; None for free text."""
        return None

    @abstractmethod
    def parse(
        self, text: str, size: Size, score: Score | None = None, logprobs: Sequence[float] = ()
    ) -> Text | Regions:
        """Read an answer about a picture of `size` (width, height), whatever the model wrote."""


class _TextTask(Task):
    """A question that is answered in words."""

    def parse(
        self, text: str, size: Size, score: Score | None = None, logprobs: Sequence[float] = ()
    ) -> Text:
        return Text(text, mean_score(logprobs), tuple(logprobs))


@dataclass(frozen=True, slots=True)
class _RegionTask(Task):
    """A question about things of given names, a list or "cat ; dog"; regions answer it."""

    labels: Sequence[str]
    max_new_tokens: int = field(default=512, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", prompts.read_labels(self.labels))
        check_limit(self.max_new_tokens)

    @property
    def prefix(self) -> str:
        return f"{self.name} {join_regions(self.labels)}"

    @property
    def grammar(self) -> prompts.RegionForm:
        return prompts.RegionForm(tuple(self.labels), self.name == "segment")

    def parse(
        self, text: str, size: Size, score: Score | None = None, logprobs: Sequence[float] = ()
    ) -> Regions:
        return read_regions(text, size, score, logprobs, noisy=self.grammar.noise > 0)


@dataclass(frozen=True, slots=True)
class Caption(_TextTask):
    """A short caption; of one region, where `region` (pixels of a picture of `size`) is given.

    Attributes:
        lang: language of the caption. A caption of a region is asked for without language, as in
            pretraining.
        style: "caption", or "cap" for the terse, web-like form of the pretrained checkpoints.
        size: (width, height) of the picture, needed with `region`.
    """

    lang: str = "en"
    style: Literal["caption", "cap"] = "caption"
    region: Box | None = None
    size: Size | None = None
    max_new_tokens: int = field(default=64, kw_only=True)
    name: ClassVar[str] = "caption"

    def __post_init__(self) -> None:
        _check(self)
        if self.style not in ("caption", "cap"):
            raise UsageError(f"style={self.style!r} is unknown: write 'caption' or 'cap'")

    @property
    def prefix(self) -> str:
        if self.region is None:
            return f"{self.style} {self.lang}"
        if self.size is None:
            raise UsageError("Caption(region=...) needs the picture's size=(width, height) too")
        return f"{self.style} {format_box(encode_box(self.region, self.size))}"

    @property
    def has_codes(self) -> bool:
        return self.region is not None


@dataclass(frozen=True, slots=True)
class Describe(_TextTask):
    """A long description."""

    lang: str = "en"
    max_new_tokens: int = field(default=256, kw_only=True)
    name: ClassVar[str] = "describe"

    def __post_init__(self) -> None:
        _check(self)

    @property
    def prefix(self) -> str:
        return f"describe {self.lang}"


@dataclass(frozen=True, slots=True)
class Ocr(_TextTask):
    """All text in the picture, line by line from the top."""

    max_new_tokens: int = field(default=512, kw_only=True)
    name: ClassVar[str] = "ocr"

    def __post_init__(self) -> None:
        check_limit(self.max_new_tokens)

    @property
    def prefix(self) -> str:
        return "ocr"


@dataclass(frozen=True, slots=True)
class Answer(_TextTask):
    """A short answer, in `lang`, to a question: one of `choices`, or one that `pattern` matches."""

    question: str
    lang: str = "en"
    choices: tuple[str, ...] = field(default=(), kw_only=True)
    pattern: str | None = field(default=None, kw_only=True)
    max_new_tokens: int = field(default=64, kw_only=True)
    name: ClassVar[str] = "answer"

    def __post_init__(self) -> None:
        check_words("question", self.question)
        object.__setattr__(self, "choices", prompts.read_choices(self.choices))
        prompts.word_form(self.choices, self.pattern)
        _check(self)

    @property
    def grammar(self) -> prompts.WordForm | None:
        return prompts.word_form(self.choices, self.pattern)

    @property
    def prefix(self) -> str:
        return f"answer {self.lang} {self.question}"


@dataclass(frozen=True, slots=True)
class Question(_TextTask):
    """A question, in `lang`, that has the given English answer."""

    answer: str
    lang: str = "en"
    max_new_tokens: int = field(default=64, kw_only=True)
    name: ClassVar[str] = "question"

    def __post_init__(self) -> None:
        check_words("answer", self.answer)
        _check(self)

    @property
    def prefix(self) -> str:
        return f"question {self.lang} {self.answer}"


@dataclass(frozen=True, slots=True)
class Detect(_RegionTask):
    """Boxes around all things of the given names: a list, or "cat ; dog".

    Attributes:
        noise: of a model tuned with `Asking(noise=...)`, the same number: so many boxes are told,
            each with the likeliest asked label and its probability beside "noise" as its score
            (PaliGemma 2 report, appendix C; Pix2Seq, arXiv 2109.10852). A box takes about seven
            tokens of `max_new_tokens`.
    """

    noise: int = field(default=0, kw_only=True)
    name: ClassVar[str] = "detect"

    def __post_init__(self) -> None:
        _RegionTask.__post_init__(self)
        prompts.check_noise(self.noise, self.labels)

    @property
    def grammar(self) -> prompts.RegionForm:
        return prompts.RegionForm(tuple(self.labels), with_codes=False, noise=self.noise)

    @staticmethod
    def suffix(regions: Regions) -> str:
        """The answer that training teaches: `parse` reads it back, up to the bins' precision."""
        return write_regions(regions, regions.size, codes=False)


@dataclass(frozen=True, slots=True)
class Segment(_RegionTask):
    """Boxes and masks of all things of the given names: a list, or "cat ; dog"."""

    name: ClassVar[str] = "segment"

    @staticmethod
    def suffix(regions: Regions) -> str:
        """The answer that training teaches; every region needs its `codes`."""
        for region in regions:
            if region.codes is None:
                raise UsageError(
                    f"region {region.label!r} has no codes: encode its mask with MaskCodec first"
                )
        return write_regions(regions, regions.size, codes=True)


@dataclass(frozen=True, slots=True)
class Ask(_TextTask):
    """Any prompt, as it is: open prompts of mix checkpoints, or those of a fine-tuned one.

    Attributes:
        pattern: a regular expression that all of the answer matches, as in `re.fullmatch`.
    """

    prompt: str
    pattern: str | None = field(default=None, kw_only=True)
    max_new_tokens: int = field(default=256, kw_only=True)
    name: ClassVar[str] = "ask"

    def __post_init__(self) -> None:
        check_words("prompt", self.prompt)
        prompts.word_form((), self.pattern)
        check_limit(self.max_new_tokens)

    @property
    def grammar(self) -> prompts.WordForm | None:
        return prompts.word_form((), self.pattern)

    @property
    def prefix(self) -> str:
        return self.prompt


TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Caption, Describe, Ocr, Answer, Question, Detect, Segment, Ask)
}


def _check(task: Caption | Describe | Answer | Question) -> None:
    prompts.check_language(task.lang)
    check_limit(task.max_new_tokens)
