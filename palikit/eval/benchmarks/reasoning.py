"""Reasoning about one picture or two: GQA, xGQA, NLVR2, MaRVL, VSR.

File names and keys as on cs.stanford.edu/people/dorarad/gqa, in e-bug/iglue, lil-lab/nlvr,
marvl-challenge and cambridgeltl/visual-spatial-reasoning.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from .files import Row, checked, choose, first, json_object, jsonl_rows, picture
from .prompts import question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

XGQA = tuple("bn de id ko pt ru zh".split())
MARVL = tuple("id sw ta tr zh".split())


def read_gqa(root: Path, *, split: str | None = None) -> list[Item]:
    """GQA; the group is the structure of the question.

    testdev_balanced_questions.json    {"201307251": {"imageId", "question", "answer", "types":
                                       {"structural"}}}
    images/n161313.jpg
    """
    splits = ("testdev_balanced", "val_balanced", "train_balanced", "testdev_all", "val_all")
    path = root / f"{choose(split, 'testdev_balanced', splits)}_questions.json"
    return checked((_gqa(name, row, root, "") for name, row in json_object(path).items()), path)


def _gqa(name: str, row: Row, root: Path, language: str) -> Item:
    kinds = row.row("types") if row.has("types") else Row({}, row.where)
    return Item(
        id=f"{name}_{language}" if language else name,
        pictures=(picture(root / "images", f"{row.text('imageId')}.jpg", row.where),),
        prefix=question(row.text("question")),
        references=(row.text("answer"),),
        group=language or kinds.text("structural", ""),
        extra={"questionId": name},
    )


def read_xgqa(root: Path, *, split: str | None = None) -> list[Item]:
    """xGQA, zero-shot: GQA's questions in seven languages, answers in English.

        annotations/zero_shot/testdev_balanced_questions_bn.json    as GQA's
        images/n161313.jpg

    A split "testdev_bn" is that language alone, also "testdev_en"; the group is the language.
    Languages take turns. The published number is the mean of the seven, English left out.
    """
    chosen = choose(split, "testdev", ["testdev", *(f"testdev_{one}" for one in (*XGQA, "en"))])
    _, _, one = chosen.partition("_")
    return _in_turn([_xgqa(root, language) for language in ([one] if one else XGQA)])


def _xgqa(root: Path, language: str) -> list[Item]:
    name = f"testdev_balanced_questions_{language}.json"
    folder = root / "annotations"
    path = first(folder / "zero_shot" / name, folder / name)
    rows = json_object(path).items()
    return checked((_gqa(key, row, root, language) for key, row in rows), path)


def _in_turn(languages: Sequence[Sequence[Item]]) -> list[Item]:
    """One of each language, and again, so that the first hundred are of all of them."""
    rounds = chain.from_iterable(zip_longest(*languages))
    return [item for item in rounds if item is not None]


def read_nlvr2(root: Path, *, split: str | None = None) -> list[Item]:
    """NLVR2: is a sentence true of two pictures? "test" is the public test1.

    data/test1.json            {"identifier": "test1-0-1-0", "sentence", "label": "True"} a line
    test1/test1-0-1-img0.png   and -img1.png; train: images/train/<directory>/train-...
    """
    chosen = choose(split, "test", ("dev", "test", "train"))
    part = "test1" if chosen == "test" else chosen
    path = first(root / "data" / f"{part}.json", root / f"{part}.json")
    return checked((_nlvr2(row, root, part) for row in jsonl_rows(path)), path)


def _nlvr2(row: Row, root: Path, part: str) -> Item:
    name = row.text("identifier")
    folder = root / part
    if part == "train":
        folder = root / "images" / "train" / str(row.whole("directory"))
    pair = name.rpartition("-")[0]
    return Item(
        id=name,
        pictures=tuple(picture(folder, f"{pair}-img{i}.png", row.where) for i in (0, 1)),
        prefix=question(row.text("sentence")),
        references=(row.text("label"),),
        extra={"identifier": name},
    )


def read_marvl(root: Path, *, split: str | None = None) -> list[Item]:
    """MaRVL: as NLVR2, in five languages; the group is the language.

        marvl-annotations/marvl-id.jsonl   {"id", "caption", "concept", "left_img", "right_img",
                                           "label": true} a line
        marvl-images/id/images/<concept>/<left_img>

    A split "test_id" is that language alone. Languages take turns. The published number is the mean
    of the languages, which have from 1,012 to 1,242 questions.
    """
    chosen = choose(split, "test", ["test", *(f"test_{one}" for one in MARVL)])
    _, _, one = chosen.partition("_")
    return _in_turn([_marvl(root, language) for language in ([one] if one else MARVL)])


def _marvl(root: Path, language: str) -> list[Item]:
    path = root / "marvl-annotations" / f"marvl-{language}.jsonl"
    folder = root / "marvl-images" / language / "images"
    rows = jsonl_rows(path)
    return checked((_pair(row, folder, language) for row in rows), path)


def _pair(row: Row, folder: Path, language: str) -> Item:
    files = (f"{row.text('concept')}/{row.text(side)}" for side in ("left_img", "right_img"))
    return Item(
        id=f"{language}_{row.label('id')}",
        pictures=tuple(picture(folder, file, row.where) for file in files),
        prefix=question(row.text("caption")),
        references=(str(row.flag("label")),),
        group=language,
    )


def read_vsr(part: str, root: Path, *, split: str | None = None) -> list[Item]:
    """VSR: is a sentence about places true? `part` is "zeroshot" or "random".

        splits/zeroshot/test.jsonl   {"image": "000000085637.jpg", "caption", "label": 1,
                                     "relation"} a line
        images/000000085637.jpg

    Questions have no ids and get their position; the group is the relation. How the report spells
    the prompt is not known: it is asked as NLVR2.
    """
    chosen = choose(split, "test", ("train", "dev", "test"))
    path = first(*(root / top / part / f"{chosen}.jsonl" for top in ("splits", "data/splits", "")))
    return checked(_statements(path, root / "images"), path)


def _statements(path: Path, folder: Path) -> Iterator[Item]:
    for i, row in enumerate(jsonl_rows(path)):
        yield Item(
            id=str(i),
            pictures=(picture(folder, row.text("image"), row.where),),
            prefix=question(row.text("caption")),
            references=(str(row.flag("label")),),
            group=row.text("relation", ""),
        )


def _vsr(part: str, title: str) -> Benchmark:
    return Benchmark(
        name=f"vsr_{part}",
        title=f"VSR, {title} (test)",
        split="test",
        text_length=18,
        metric="exact",
        licence="CC BY 4.0; pictures under their Flickr terms",
        fetch=(
            "The splits from github.com/cambridgeltl/visual-spatial-reasoning (data/splits), the "
            "pictures it links, which are COCO 2017's, into images/."
        ),
        read=partial(read_vsr, part),
    )


GQA_LICENCE = "CC BY 4.0; pictures of Visual Genome under their own terms"

BENCHMARKS = (
    Benchmark(
        name="gqa",
        title="GQA (testdev, balanced)",
        split="testdev_balanced",
        text_length=32,
        metric="exact",
        licence=GQA_LICENCE,
        fetch="questions1.2.zip and images.zip from cs.stanford.edu/people/dorarad/gqa.",
        read=read_gqa,
        submission="gqa",
    ),
    Benchmark(
        name="xgqa",
        title="xGQA, seven languages (testdev)",
        split="testdev",
        text_length=32,
        metric="exact_by_language",
        licence=GQA_LICENCE,
        fetch="datasets/xGQA/annotations of github.com/e-bug/iglue, images.zip of GQA.",
        read=read_xgqa,
    ),
    Benchmark(
        name="nlvr2",
        title="NLVR2 (test-P)",
        split="test",
        text_length=64,
        metric="exact",
        licence="CC BY 4.0; pictures by request from the authors, under their own terms",
        fetch="nlvr2/data of github.com/lil-lab/nlvr, and the pictures by its form.",
        read=read_nlvr2,
    ),
    Benchmark(
        name="marvl",
        title="MaRVL, five languages (test)",
        split="test",
        text_length=64,
        metric="exact_by_language",
        licence="CC BY 4.0; pictures for non-commercial research",
        fetch="Annotations and images from Dataverse, doi:10.5683/SP3/42VZ4P.",
        read=read_marvl,
    ),
    _vsr("zeroshot", "zero-shot split"),
    _vsr("random", "random split"),
)
