"""What a phrase refers to: RefCOCO, RefCOCO+ (UNC's splits) and RefCOCOg (UMD's).

The authors distribute the phrases as a Python pickle, which can run any program when it is opened
and is not read here. The same phrases are public as JSON, written by MDETR (Kamath et al. 2021,
mdetr_annotations.tar.gz on Zenodo) with COCO's annotation ids; the outlines come from COCO.
"""

from functools import partial
from pathlib import Path

from palikit.errors import DataError

from .annotated import read_thing
from .captions import CC_BY_FLICKR
from .files import Row, checked, choose, json_object, json_rows, picture
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

SPLITS = {
    "refcoco": ("val", "testA", "testB", "train"),
    "refcoco+": ("val", "testA", "testB", "train"),
    "refcocog": ("val", "test", "train"),
}


def read_refcoco(dataset: str, default: str, root: Path, *, split: str | None = None) -> list[Item]:
    """One item a phrase, asked as it stands; the answer is a box with sixteen mask codes.

    finetune_refcoco_val.json               {"images": [{"id", "file_name", "caption", "width",
                                             "height"}], "annotations": [{"image_id", "bbox",
                                             "original_id"}]}
    annotations/instances_train2014.json    {"annotations": [{"id", "bbox", "segmentation"}]}
    train2014/COCO_train2014_000000581857.jpg
    """
    chosen = choose(split, default, SPLITS[dataset])
    path = root / f"finetune_{dataset}_{chosen}.json"
    file = json_object(path)
    objects = {row.label("image_id"): row for row in file.rows("annotations")}
    wanted = {row.label("original_id") for row in objects.values()}
    outlines_path = root / "annotations" / "instances_train2014.json"
    outlines = {
        row.label("id"): row
        for row in json_rows(outlines_path, "annotations")
        if row.label("id") in wanted
    }
    if missing := sorted(wanted - outlines.keys()):
        raise DataError(f"{outlines_path} has no annotation {missing[0]}, which {path} refers to")
    found = (_phrase(row, objects, outlines, root / "train2014") for row in file.rows("images"))
    return checked(found, path)


def _phrase(row: Row, objects: dict[str, Row], outlines: dict[str, Row], folder: Path) -> Item:
    name = row.label("id")
    if name not in objects:
        raise DataError(f"{row.where}: no annotation is of phrase {name}")
    phrase = row.text("caption")
    return Item(
        id=name,
        pictures=(picture(folder, row.text("file_name"), row.where),),
        prefix=phrase,
        things=(read_thing(outlines[objects[name].label("original_id")], phrase),),
        size=(row.whole("width"), row.whole("height")),
    )


def _benchmark(name: str, dataset: str, title: str, split: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=f"{title} ({split})",
        split=split,
        text_length=48,
        metric="referring",
        licence=CC_BY_FLICKR.replace("CC BY 4.0", "Apache-2.0 (phrases) and CC BY 4.0 (outlines)"),
        fetch=(
            "mdetr_annotations.tar.gz from zenodo.org/record/4729015, annotations_trainval2014.zip "
            "and train2014.zip from cocodataset.org."
        ),
        read=partial(read_refcoco, dataset, split),
    )


BENCHMARKS = (
    _benchmark("refcoco_val", "refcoco", "RefCOCO", "val"),
    _benchmark("refcoco_testa", "refcoco", "RefCOCO", "testA"),
    _benchmark("refcoco_testb", "refcoco", "RefCOCO", "testB"),
    _benchmark("refcocoplus_val", "refcoco+", "RefCOCO+", "val"),
    _benchmark("refcocoplus_testa", "refcoco+", "RefCOCO+", "testA"),
    _benchmark("refcocoplus_testb", "refcoco+", "RefCOCO+", "testB"),
    _benchmark("refcocog_val", "refcocog", "RefCOCOg", "val"),
    _benchmark("refcocog_test", "refcocog", "RefCOCOg", "test"),
)
