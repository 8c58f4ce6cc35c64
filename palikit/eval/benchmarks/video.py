"""Captions of and questions about videos: MSRVTT, MSVD, VATEX, ActivityNet.

Videos are read as frames that were extracted before, all of them, one folder a video:

    frames/video7010/000001.jpg, 000002.jpg, ...     in the order of their names

16 frames (MSVD 8) are taken from the first on, one every `stride` raw frames; a clip that is too
short is shown again from its start until there are enough, as in big_vision's
`pp/proj/paligemma/video.py`. A video without folder is an item whose first frame cannot be opened.

File names and keys as on ms-multimedia-challenge.com, in xudejing/video-question-answering, on
eric-xw.github.io/vatex-website and activity-net.org, and in MILVLG/activitynet-qa.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from palikit.data.pictures import FilePicture
from palikit.errors import DataError

from .files import Row, checked, choose, json_object, json_rows, lines, picture
from .prompts import caption, question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

ENDINGS = (".jpg", ".jpeg", ".png")
FIRST = "000001.jpg"


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How many frames are shown, and how far apart they lie among the raw ones."""

    count: int
    stride: int

    def frames(
        self, root: Path, name: str, where: str, start: float = 0.0, end: float = 1.0
    ) -> tuple[FilePicture, ...]:
        """Frames of the part from `start` to `end`, both shares of the whole video."""
        folder = picture(root / "frames", name, where).path
        found: list[Path] = []
        if folder.is_dir():
            found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
        if not found:
            return (FilePicture(folder / FIRST),)
        begin = min(int(start * len(found)), len(found) - 1)
        part = found[begin : max(int(end * len(found)), begin + 1)]
        return tuple(map(FilePicture, islice(cycle(part[:: self.stride]), self.count)))


def read_msrvtt_captions(root: Path, *, split: str | None = None) -> list[Item]:
    """MSRVTT captions: twenty a video.

    test_videodatainfo.json    {"videos": [{"video_id": "video7010", "split": "test"}],
                               "sentences": [{"video_id", "caption"}]}
    train_val_videodatainfo.json    the same for "train" and "val", which it calls "validate"
    """
    names = {"test": "test", "train": "train", "val": "validate"}
    chosen = names[choose(split, "test", names)]
    path = root / f"{'test' if chosen == 'test' else 'train_val'}_videodatainfo.json"
    file = json_object(path)
    captions: dict[str, list[str]] = {}
    for row in file.rows("sentences"):
        captions.setdefault(row.text("video_id"), []).append(row.text("caption"))
    found = (row for row in file.rows("videos") if row.text("split") == chosen)
    return checked((_captioned(row, captions, root, path) for row in found), path)


def _captioned(row: Row, captions: dict[str, list[str]], root: Path, path: Path) -> Item:
    name = row.text("video_id")
    if name not in captions:
        raise DataError(f"{path} has no caption of {name}")
    return Item(
        id=name,
        pictures=_Sampling(16, 9).frames(root, name, row.where),
        prefix=caption(),
        references=tuple(captions[name]),
    )


def read_vatex(root: Path, *, split: str | None = None) -> list[Item]:
    """VATEX, English captions, ten a clip; "test" is the public one.

    vatex_public_test_english_v1.1.json   [{"videoID": "G9zN5TTuGO4_000179_000189", "enCap"}]
    vatex_validation_v1.0.json            for "val"; vatex_training_v1.0.json for "train"
    """
    files = {
        "test": "vatex_public_test_english_v1.1.json",
        "val": "vatex_validation_v1.0.json",
        "train": "vatex_training_v1.0.json",
    }
    path = root / files[choose(split, "test", files)]
    return checked(
        (
            Item(
                id=row.text("videoID"),
                pictures=_Sampling(16, 7).frames(root, row.text("videoID"), row.where),
                prefix=caption(),
                references=row.texts("enCap"),
            )
            for row in json_rows(path)
        ),
        path,
    )


def read_activitynet_captions(root: Path, *, split: str | None = None) -> list[Item]:
    """ActivityNet captions: one sentence a stretch of a video, called "<video>_<position>".

    val_2.json     {"v_uqiMw7tQ1Cc": {"duration": 55.15, "timestamps": [[0.28, 55.15]],
                   "sentences": ["A weight lifting tutorial is given."]}}; val_1.json for "val",
                   train.json
    """
    parts = {"test": "val_2", "val": "val_1", "train": "train"}
    part = parts[choose(split, "test", parts)]
    path = root / f"{part}.json"
    found = (item for name, row in json_object(path).items() for item in _told(name, row, root))
    return checked(found, path)


def _told(name: str, row: Row, root: Path) -> Iterator[Item]:
    sentences = row.texts("sentences")
    spans = row.values.get("timestamps")
    if not isinstance(spans, list) or len(spans) != len(sentences):
        row.refuse("timestamps", "a start and an end for each sentence")
    (length,) = Row({"duration": [row.values.get("duration")]}, row.where).numbers("duration", 1)
    if length <= 0:
        row.refuse("duration", "a number of seconds")
    times = Row({str(i): span for i, span in enumerate(spans)}, f"{row.where}, timestamps")
    for i, sentence in enumerate(sentences):
        start, end = (min(max(t, 0.0) / length, 1.0) for t in times.numbers(str(i), 2))
        yield Item(
            id=f"{name}_{i}",
            pictures=_Sampling(16, 30).frames(root, name, row.where, start, end),
            prefix=caption(),
            references=(sentence.strip(),),
        )


def read_activitynet_questions(root: Path, *, split: str | None = None) -> list[Item]:
    """ActivityNet-QA; the group is the kind of question, from 0 (motion) to 8.

    test_q.json    [{"question_id": "v_hj0xHIwzbrQ_1", "video_name": "hj0xHIwzbrQ", "question"}]
    test_a.json    [{"question_id", "answer", "type": 3}]
    frames/v_hj0xHIwzbrQ/
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    path, answers_path = root / f"{chosen}_q.json", root / f"{chosen}_a.json"
    answers = {row.label("question_id"): row for row in json_rows(answers_path)}
    return checked((_asked(row, answers, answers_path, root) for row in json_rows(path)), path)


def _asked(row: Row, answers: dict[str, Row], path: Path, root: Path) -> Item:
    name = row.label("question_id")
    if name not in answers:
        raise DataError(f"{path} has no answer to question {name}")
    right = answers[name]
    return Item(
        id=name,
        pictures=_Sampling(16, 70).frames(root, f"v_{row.text('video_name')}", row.where),
        prefix=question(row.text("question")),
        references=(right.text("answer"),),
        group=right.label("type") if right.has("type") else "",
    )


def read_video_questions(msvd: bool, root: Path, *, split: str | None = None) -> list[Item]:
    """MSRVTT-QA and MSVD-QA; the group is the question word.

    test_qa.json           [{"id", "question", "answer", "video_id": 7010}]
    frames/video7010/      MSRVTT
    youtube_mapping.txt    MSVD: "-4wsuPCjDBc_5_15 vid1" a line; frames/-4wsuPCjDBc_5_15/
    """
    path = root / f"{choose(split, 'test', ('train', 'val', 'test'))}_qa.json"
    names = _mapping(root / "youtube_mapping.txt") if msvd else None
    return checked((_about(row, names, root) for row in json_rows(path)), path)


def _mapping(path: Path) -> dict[str, str]:
    pairs = [line.rsplit(maxsplit=1) for line in lines(path)]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(f"{path} has a line that is not a video and its number")
    return {number: video for video, number in pairs}


def _about(row: Row, names: dict[str, str] | None, root: Path) -> Item:
    number = row.label("video_id")
    name = f"video{number}" if names is None else names.get(f"vid{number}")
    if name is None:
        raise DataError(f"{row.where}: youtube_mapping.txt does not name video {number}")
    words = row.text("question")
    sampling = _Sampling(16, 9) if names is None else _Sampling(8, 26)
    return Item(
        id=row.label("id"),
        pictures=sampling.frames(root, name, row.where),
        prefix=question(words),
        references=(row.text("answer"),),
        group=words.partition(" ")[0],
    )


RESEARCH = "annotations for research; videos of YouTube under their own terms"
FRAMES = "All frames of each video, extracted to frames/<video>/."


def _questions(name: str, title: str, *, msvd: bool) -> Benchmark:
    return Benchmark(
        name=name,
        title=f"{title} (test)",
        split="test",
        text_length=64,
        metric="exact",
        licence=RESEARCH,
        fetch=f"{title} of github.com/xudejing/video-question-answering. {FRAMES}",
        read=partial(read_video_questions, msvd),
    )


BENCHMARKS = (
    Benchmark(
        name="msrvtt_cap",
        title="MSRVTT captions (test)",
        split="test",
        text_length=32,
        metric="cider",
        licence=RESEARCH,
        fetch=f"test_ and train_val_videodatainfo.json of MSR-VTT 2016. {FRAMES}",
        read=read_msrvtt_captions,
    ),
    _questions("msrvtt_qa", "MSRVTT-QA", msvd=False),
    _questions("msvd_qa", "MSVD-QA", msvd=True),
    Benchmark(
        name="vatex",
        title="VATEX, English (public test)",
        split="test",
        text_length=64,
        metric="cider",
        licence="CC BY 4.0; videos of YouTube under their own terms",
        fetch=f"The public test of eric-xw.github.io/vatex-website. {FRAMES}",
        read=read_vatex,
    ),
    Benchmark(
        name="activitynet_cap",
        title="ActivityNet captions (val 2, as test)",
        split="test",
        text_length=64,
        metric="cider",
        licence=RESEARCH,
        fetch=f"captions.zip of ActivityNet Captions (cs.stanford.edu/~ranjaykrishna). {FRAMES}",
        read=read_activitynet_captions,
    ),
    Benchmark(
        name="activitynet_qa",
        title="ActivityNet-QA (test)",
        split="test",
        text_length=64,
        metric="exact",
        licence="Apache-2.0; videos of YouTube under their own terms",
        fetch=f"dataset/ of github.com/MILVLG/activitynet-qa. {FRAMES}",
        read=read_activitynet_questions,
    ),
)
