"""The seeded defects: for each a name, the code that must tell of it, and what makes it."""

import io
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from helpers.lint_corpus import BOX, RIGHT, SIZE, Corpus, ellipse, encoded, outline, person
from palikit.coco import encode_rle
from palikit.data.pictures import FilePicture, MemberPicture
from palikit.data.records import Dataset, Thing
from palikit.results import Box

Seed = Callable[[Corpus, str], object]
RLE = encode_rle(ellipse(BOX))
SEGS = "<seg012>" * 15


def pictures(*made: Callable[[Corpus], object]) -> Seed:
    return lambda corpus, name: corpus.seed(name, pictures=tuple(one(corpus) for one in made))


def of_bytes(data: Callable[[Corpus], bytes], ending: str = "png") -> Seed:
    return pictures(lambda corpus: corpus.file(data(corpus), ending))


def boxed(*corners: float) -> Seed:
    return lambda corpus, name: corpus.thing(name, person(), person(Box(*corners)))


def shaped(**shape) -> Seed:
    return lambda corpus, name: corpus.thing(name, person(BOX, **shape))


def labelled(label: str, *, declared: bool = True) -> Seed:
    def seed(corpus: Corpus, name: str) -> None:
        corpus.classes += [label] if declared else []
        corpus.thing(name, Thing(label, BOX))

    return seed


def worded(**words) -> Seed:
    return lambda corpus, name: corpus.words(name, **words)


def pair(prefix: str, suffix: str) -> Seed:
    return worded(prefix=prefix, suffix=suffix)


def forced(**fields) -> Seed:
    """Fields of wrong types, as code without type checks makes them."""
    return lambda corpus, name: force(corpus.seed(name), **fields)


def with_thing(**fields) -> Seed:
    return lambda corpus, name: force(corpus.thing(name, person()).things[0], **fields)


def force(value: object, **fields) -> None:
    for name, wrong in fields.items():
        object.__setattr__(value, name, wrong)


def member(corpus: Corpus) -> MemberPicture:
    file = corpus.file()
    return MemberPicture(file.path, "a.png", 0, file.path.stat().st_size + 9)


def turned(corpus: Corpus) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(corpus.image(), "JPEG", exif=exif)


def swapped(corpus: Corpus, name: str) -> None:
    corpus.seed(name, size=SIZE[::-1], pictures=(corpus.file(),))


def fractions(corpus: Corpus, name: str) -> None:
    corpus.thing(name, Thing("cat", Box(0.1, 0.2, 0.5, 0.9)), person(Box(0.2, 0.2, 1.0, 0.7)))


def repeated(corpus: Corpus, name: str) -> None:
    corpus.train.append(replace(corpus.seed(f"{name}, first"), origin=name))


def renamed(corpus: Corpus, name: str) -> None:
    first = corpus.seed(f"{name}, first", things=None, captions=("a boat",))
    copy = corpus.file(first.pictures[0].read())
    corpus.words(name, pictures=(copy,), captions=("a ship",))


def relabelled(corpus: Corpus, name: str) -> None:
    first = corpus.seed(f"{name}, first")
    corpus.seed(name, pictures=first.pictures, things=(Thing("cat", BOX),))


def leak(corpus: Corpus, name: str) -> None:
    first = corpus.seed(f"{name}, train")
    corpus.val.append(corpus.record(name, pictures=(corpus.file(first.pictures[0].read()),)))


def leak_of_words(corpus: Corpus, name: str) -> None:
    first = corpus.words(f"{name}, train", captions=("a boat",))
    corpus.val.append(replace(first, origin=name))


def near_leak(change: Callable[[Image.Image], bytes]) -> Seed:
    def seed(corpus: Corpus, name: str) -> None:
        first = corpus.seed(f"{name}, train")
        image = Image.open(io.BytesIO(first.pictures[0].read()))
        copy = corpus.file(change(image), "jpg")
        corpus.val.append(corpus.record(name, size=None, pictures=(copy,), things=None,
                                        captions=("a boat",)))  # fmt: skip

    return seed


def comb(corpus: Corpus, name: str) -> None:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    mask = (x % 6 < 2) & (x >= 10) & (x < 80) & (y >= 8) & (y < 60)
    corpus.classes.append("comb")
    corpus.thing(name, Thing("comb", Box(12, 8, 80, 60), rle=encode_rle(mask)))


def answers(*told: tuple[str, str]) -> Callable[[Corpus, str], None]:
    def seed(corpus: Corpus, place: str) -> None:
        asked = [
            corpus.record(f"{place} {i}", things=None, question=question, answers=(answer,))
            for i, (question, answer) in enumerate(told)
        ]
        corpus.more.append(Dataset(place, tuple(asked)))

    return seed


def crowded(corpus: Corpus, name: str) -> None:
    corpus.thing(name, *(person(Box(i, 5, i + 20, 40)) for i in range(30)))


DEFECTS: dict[str, tuple[str, Seed]] = {
    # Pictures
    "a file that is not there": (
        "picture-missing", pictures(lambda c: FilePicture(c.folder / "gone.png"))),
    "a folder for a picture": ("picture-missing", pictures(lambda c: FilePicture(c.folder))),
    "a name with a zero byte": (
        "picture-missing", pictures(lambda c: FilePicture(c.folder / "a\0.png"))),
    "an empty file": ("picture-broken", of_bytes(lambda c: b"")),
    "a page for a picture": ("picture-broken", of_bytes(lambda c: b"<html>404</html>", "jpg")),
    "half a JPEG": (
        "picture-truncated",
        of_bytes(lambda c: (d := encoded(c.image(), "JPEG"))[: len(d) // 2], "jpg")),
    "half a PNG": (
        "picture-truncated",
        of_bytes(lambda c: (d := encoded(Image.effect_noise(SIZE, 60)))[: len(d) // 2])),
    "an archive that ends": ("picture-truncated", pictures(member)),
    "a grey placeholder": ("picture-blank", of_bytes(lambda c: encoded(Image.new("RGB", SIZE)))),
    "no picture": ("record-without-picture", pictures()),
    "the second picture gone": (
        "picture-missing", pictures(Corpus.file, lambda c: FilePicture(c.folder / "gone2.png"))),
    "labels of a larger picture": (
        "size-differs", lambda c, name: c.seed(name, size=(192, 128))),
    "width and height swapped": ("size-differs", swapped),
    "turned by EXIF": ("size-turned", of_bytes(turned, "jpg")),
    # Boxes
    "a box of NaN": ("box-not-finite", boxed(math.nan, 10, 50, 50)),
    "an endless box": ("box-not-finite", boxed(0, 10, math.inf, 50)),
    "left and right swapped": ("box-inverted", boxed(50, 10, 20, 50)),
    "top and bottom swapped": ("box-inverted", boxed(20, 50, 50, 10)),
    "a width for a corner": ("box-inverted", boxed(60, 10, 30, 40)),
    "a box without width": ("box-empty", boxed(20, 10, 20, 50)),
    "a box without height": ("box-empty", boxed(20, 10, 50, 10)),
    "a box right of the picture": ("box-outside", boxed(100, 10, 120, 50)),
    "a box above the picture": ("box-outside", boxed(20, -30, 50, 0)),
    "a box over the right edge": ("box-over-edge", boxed(60, 10, 99, 50)),
    "a box over the upper edge": ("box-over-edge", boxed(60, -4, 90, 50)),
    "boxes as fractions": ("box-fractions", fractions),
    "a box thinner than a step": ("box-too-small", boxed(20, 10, 20.02, 50)),
    "a box lower than a step": ("box-too-small", boxed(20, 10, 60, 10.01)),
    "the same box twice": ("box-duplicate", boxed(*BOX.xyxy)),
    # Outlines and masks
    "an outline of two corners": ("outline-corners", shaped(polygons=((20, 10, 50, 50),))),
    "an outline of seven numbers": (
        "outline-corners", shaped(polygons=((20, 10, 50, 10, 50, 50, 20),))),
    "an empty outline": ("outline-corners", shaped(polygons=(outline(BOX), ()))),
    "an outline of NaN": (
        "outline-not-finite", shaped(polygons=((20, 10, 50, math.nan, 50, 50),))),
    "an outline on a line": ("outline-empty", shaped(polygons=((20, 10, 35, 30, 50, 50),))),
    "an outline in one point": ("outline-empty", shaped(polygons=((20.0, 10.0) * 4,))),
    "an outline beside its box": (
        "shape-outside-box", shaped(polygons=(outline(Box(30, 10, 60, 50)),))),
    "a mask larger than its box": (
        "shape-outside-box", shaped(rle=encode_rle(ellipse(Box(10, 10, 60, 50))))),
    "run lengths of another size": ("rle-size", shaped(rle={**RLE, "size": [128, 192]})),
    "run lengths of no size": ("rle-size", shaped(rle={"counts": [1]})),
    "run lengths of a huge size": (
        "rle-size", shaped(rle={"size": [10**9, 10**9], "counts": [10**18]})),
    "run lengths that end early": ("rle-broken", shaped(rle={**RLE, "counts": [100, 20]})),
    "run lengths of odd letters": ("rle-broken", shaped(rle={**RLE, "counts": "\x01\x02é"})),
    "a mask without pixels": (
        "mask-empty", shaped(rle={"size": [64, 96], "counts": [64 * 96]})),
    "a mask that codes spoil": ("masks-lossy", comb),
    # Labels
    "no label": ("label-empty", labelled("")),
    "a label of spaces": ("label-empty", labelled("  ")),
    "a label with a semicolon": ("label-characters", labelled("salt; pepper")),
    "a label with a code": ("label-characters", labelled("<loc0001>")),
    "a label with a line break": ("label-characters", labelled("fire\nhydrant")),
    "a class nobody declared": ("label-undeclared", labelled("zebra", declared=False)),
    "a capital letter": ("label-variant", labelled("Cat")),
    "a plural": ("label-variant", labelled("persons")),
    "an underscore": ("label-variant", labelled("traffic_light")),
    "a space too many": ("label-variant", labelled("apple ")),
    "swapped letters": ("label-typo", labelled("pesron")),
    "a letter missing": ("label-typo", labelled("persn")),
    # Words
    "no label at all": ("record-empty", worded()),
    "a suffix without prefix": ("prefix-empty", pair("", "a cat")),
    "<image> in the prefix": ("prefix-tokens", pair("<image>caption en", "a cat")),
    "<bos> in the prefix": ("prefix-tokens", pair("<bos>caption en", "a dog")),
    "a prefix with a newline": ("prefix-newline", pair("caption en\n", "a hat")),
    "a prefix with a space": ("prefix-spaces", pair("caption en ", "a car")),
    "no answer to caption": ("suffix-empty", pair("caption en", "")),
    "spaces for an answer": ("suffix-empty", pair("detect cat", "  ")),
    "<eos> in the suffix": ("suffix-tokens", pair("caption en", "a bat<eos>")),
    "a suffix with a newline": ("suffix-spaces", pair("caption en", "a rat\n")),
    "three locs": ("suffix-regions", pair("detect cat", f"{RIGHT[:27]} cat")),
    "a loc above 1023": ("suffix-regions", pair("detect cat", f"{RIGHT[:27]}<loc1024> cat")),
    "a loc of three digits": ("suffix-regions", pair("detect cat", f"{RIGHT[:27]}<loc500> cat")),
    "x before y": (
        "suffix-regions", pair("detect cat", "<loc0500><loc0100><loc0100><loc0500> cat")),
    "locs without brackets": (
        "suffix-regions", pair("detect cat", "loc0100 loc0100 loc0500 loc0500 cat")),
    "fifteen segs": ("suffix-regions", pair("segment cat", f"{RIGHT}{SEGS} cat")),
    "a second region cut off": (
        "suffix-regions", pair("detect cat", f"{RIGHT} cat ; <loc0100><loc01")),
    "an answer that was not asked for": ("suffix-unasked", pair("detect cat", f"{RIGHT} apple")),
    "boxes where masks were asked": ("suffix-unasked", pair("segment apple", f"{RIGHT} apple")),
    "an answer without question": ("question-missing", worded(answers=("two",))),
    "a question without answer": ("answers-missing", worded(question="how many?")),
    "an empty answer": ("answer-empty", worded(question="how many?", answers=("two", ""))),
    "an empty caption": ("caption-empty", worded(captions=("a cat", " "))),
    "a long suffix": ("answer-long", pair("describe en", "word " * 199 + "word")),
    "a long caption": ("answer-long", worded(captions=("a cat", "word" + " word" * 200))),
    "more boxes than fit": ("answer-long", crowded),
    "half a character": ("text-broken", worded(captions=("a \ud83d cat",))),
    "half a character in a label": ("text-broken", labelled("c\ud83dt")),
    "UTF-8 read as Latin-1": ("text-garbled", worded(captions=("une tÃªte",))),
    "a replaced character": ("text-garbled", worded(captions=("une t\ufffdte",))),
    "a language in words": ("lang-unknown", worded(captions=("a cat",), lang="English!")),
    # Records that no reader should make
    "a label of None": ("record-broken", with_thing(label=None)),
    "a box of words": ("record-broken", with_thing(box=("20", "10", "50", "50"))),
    "an outline of words": ("record-broken", with_thing(polygons=(("a", "b") * 3,))),
    "answers of None": ("record-broken", forced(answers=None)),
    "things in a list": ("record-broken", forced(things=[person()])),
    "a size of NaN": ("record-broken", forced(size=(math.nan, 64))),
    "a size of one number": ("record-broken", forced(size=96)),
    "a path for a picture": ("record-broken", forced(pictures=("a.png",))),
    # Twice
    "the same record twice": ("record-duplicate", repeated),
    "a copy under another name": ("picture-duplicate", renamed),
    "other boxes for the same picture": ("picture-duplicate", relabelled),
    "a picture of train in val": ("split-leak", leak),
    "a file of train in val": ("split-leak", leak_of_words),
    "a JPEG of a picture of train": (
        "split-leak-near", near_leak(lambda image: encoded(image, "JPEG", quality=60))),
    "half a picture of train": (
        "split-leak-near", near_leak(lambda image: encoded(image.resize((48, 32)), "JPEG"))),
    # Whole sources; the name is that of the dataset
    "always yes": ("answers-same", answers(*([("is it?", "yes")] * 19 + [("is it?", "no")]))),
    "one prompt, one answer": (
        "answers-same",
        answers(*([("is it?", "yes")] * 20 + [(f"{i}?", str(i)) for i in range(20)]))),
}  # fmt: skip
