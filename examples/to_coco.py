"""Label pictures with a model and write the answers as one COCO file: labels.json"""

import json
from pathlib import Path

import palikit as pk

PICTURES = sorted(Path(__file__).parent.glob("*.png"))
CATEGORIES = {"balloon": 1, "dog": 2}

vlm = pk.load("nano")
answers = vlm.run([(path, pk.Detect(list(CATEGORIES))) for path in PICTURES])

images, annotations = [], []
for number, (path, found) in enumerate(zip(PICTURES, answers, strict=True), start=1):
    width, height = found.size
    images.append({"id": number, "file_name": path.name, "width": width, "height": height})
    known = pk.Regions(tuple(r for r in found if r.label in CATEGORIES), size=found.size)
    annotations += known.to_coco(image_id=number, category_ids=CATEGORIES)

document = {
    "images": images,
    "annotations": [{"id": i, **one} for i, one in enumerate(annotations, start=1)],
    "categories": [{"id": number, "name": name} for name, number in CATEGORIES.items()],
}
Path("labels.json").write_text(json.dumps(document, indent=1))
print(f"labels.json: {len(images)} pictures, {len(annotations)} annotations")
