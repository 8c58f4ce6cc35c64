"""The same scene in every format of boxes gives the same things."""

import random

import pytest
from helpers.boxes_scene import picture, told, write, write_json

from palikit.data.readers import read_dataset
from palikit.results import Box

# Pictures with their size, and boxes on whole pixels, which every format can tell exactly.
SCENE = {
    "a": ((64, 48), [("cat", Box(4.0, 6.0, 20.0, 30.0)), ("dog", Box(0.0, 0.0, 64.0, 48.0))]),
    "b": ((40, 80), []),
    "c": ((80, 40), [("cat", Box(63.0, 7.0, 80.0, 11.0))]),
}
NAMES = ["cat", "dog"]


def coco(root):
    annotations = [
        {
            "id": 10 * i + j,
            "image_id": i,
            "category_id": NAMES.index(label) + 1,
            "bbox": list(box.xywh),
        }
        for i, (_, things) in enumerate(SCENE.values())
        for j, (label, box) in enumerate(things)
    ]
    pictures = [
        {"id": i, "file_name": f"{name}.png", "width": size[0], "height": size[1]}
        for i, (name, (size, _)) in enumerate(SCENE.items())
    ]
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    labels = {"images": pictures, "annotations": annotations, "categories": categories}
    return write_json(root / "labels.json", labels)


def yolo(root):
    for name, ((width, height), things) in SCENE.items():
        rows = [
            f"{NAMES.index(label)} {(box.x1 + box.width / 2) / width} "
            f"{(box.y1 + box.height / 2) / height} {box.width / width} {box.height / height}"
            for label, box in things
        ]
        write(root / "labels" / f"{name}.txt", "\n".join(rows))
    return write(root / "data.yaml", "train: images\nnames: [cat, dog]")


def voc(root):
    for name, ((width, height), things) in SCENE.items():
        objects = [
            f"<object><name>{label}</name><bndbox>"
            f"<xmin>{box.x1 + 1:.0f}</xmin><ymin>{box.y1 + 1:.0f}</ymin>"
            f"<xmax>{box.x2:.0f}</xmax><ymax>{box.y2:.0f}</ymax></bndbox></object>"
            for label, box in things
        ]
        write(
            root / "Annotations" / f"{name}.xml",
            f"<annotation><filename>{name}.png</filename><size><width>{width}</width>"
            f"<height>{height}</height></size>{''.join(objects)}</annotation>",
        )
    return root


def cvat(root):
    pictures = []
    for i, (name, ((width, height), things)) in enumerate(SCENE.items()):
        boxes = [
            f'<box label="{label}" xtl="{box.x1}" ytl="{box.y1}" xbr="{box.x2}" ybr="{box.y2}"/>'
            for label, box in things
        ]
        pictures.append(
            f'<image id="{i}" name="{name}.png" width="{width}" height="{height}">'
            f"{''.join(boxes)}</image>"
        )
    return write(root / "annotations.xml", f"<annotations>{''.join(pictures)}</annotations>")


def labelme(root):
    for name, ((width, height), things) in SCENE.items():
        shapes = [
            {"label": label, "shape_type": "rectangle", "points": [box.xyxy[:2], box.xyxy[2:]]}
            for label, box in things
        ]
        path = {"imagePath": f"{name}.png", "imageWidth": width, "imageHeight": height}
        write_json(root / "json" / f"{name}.json", path | {"shapes": shapes})
    return root / "json"


def labelstudio(root):
    def region(label, box, width, height):
        x, y, w, h = box.xywh
        value = {"x": x * 100 / width, "y": y * 100 / height, "rectanglelabels": [label]}
        value |= {"width": w * 100 / width, "height": h * 100 / height}
        size = {"original_width": width, "original_height": height}
        return {"id": label, "type": "rectanglelabels", "value": value, **size}

    return write_json(
        root / "export.json",
        [
            {
                "id": i,
                "data": {"image": f"{name}.png"},
                "annotations": [{"result": [region(*thing, *size) for thing in things]}],
            }
            for i, (name, (size, things)) in enumerate(SCENE.items())
        ],
    )


@pytest.mark.parametrize("make", [coco, yolo, voc, cvat, labelme, labelstudio])
def test_the_same_scene_reads_the_same(tmp_path, make):
    for name, (size, _) in SCENE.items():
        picture(tmp_path / "images" / f"{name}.png", size)
    path = make(tmp_path)
    option = "" if make is yolo else f",images={tmp_path}/images"
    dataset = read_dataset(f"{make.__name__}:{path}{option}")
    assert dataset.classes == ("cat", "dog")
    assert [record.pictures[0].name for record in dataset] == [
        str(tmp_path / "images" / f"{name}.png") for name in SCENE
    ]
    for record, (size, things) in zip(dataset, SCENE.values(), strict=True):
        assert record.things is not None
        assert record.size in (size, None)
        assert [thing.label for thing in record.things] == [label for label, _ in things]
        for thing, (_, box) in zip(record.things, things, strict=True):
            assert thing.box.xyxy == pytest.approx(box.xyxy, abs=1e-9)
            assert not thing.has_mask
            assert not thing.crowd


@pytest.mark.parametrize("make", [coco, yolo, voc, cvat, labelme, labelstudio])
def test_a_damaged_file_is_read_or_told(tmp_path, make):
    for name, (size, _) in SCENE.items():
        picture(tmp_path / "images" / f"{name}.png", size)
    source = f"{make.__name__}:{make(tmp_path)}"
    labels = [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".png"]
    rng = random.Random(0)
    for file in labels:
        whole = file.read_bytes()
        for _ in range(40):
            data = bytearray(
                whole[: rng.randrange(len(whole) + 1)] if rng.random() < 0.3 else whole
            )
            for at in (rng.randrange(len(data)) for _ in range(3) if data):
                data[at] = (
                    rng.choice(b'\x00\xff<>"{}[]:,.-+eN0198 \n') if at % 2 else rng.randrange(256)
                )
            file.write_bytes(data)
            message = told(lambda: read_dataset(source))
            assert not message or str(tmp_path) in message
        file.write_bytes(whole)
    assert len(read_dataset(source)) == len(SCENE)
