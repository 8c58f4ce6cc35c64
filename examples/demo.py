"""Ask nano, the embedded model, about the bundled picture: make demo

Prints typed answers and where the drawn picture lies.
"""

from pathlib import Path

import palikit as pk

PICTURE = Path(__file__).with_name("scene.png")
DRAWN = Path("out/demo.png")

vlm = pk.load("nano")
seen = vlm.look(PICTURE)  # the vision tower runs once for all that follows

for task in (
    pk.Caption(),
    pk.Caption(lang="de"),
    pk.Answer("how many balloons?"),
    pk.Answer("what colour is the background?"),
    pk.Answer("is there a cat?"),
):
    (answer,) = vlm.run([(seen, task)])
    print(f"{task.prefix:<40} Text    {answer.text!r}  score {answer.score:.2f}")

found = vlm.segment(seen, ["dog", "balloon"])
for region in found:
    x1, y1, x2, y2 = (round(value) for value in region.box.xyxy)
    inside = "no mask" if region.mask is None else f"mask of {region.mask.sum()} px"
    print(
        f"{'segment dog ; balloon':<40} Region  {region.label!r} at {x1, y1, x2, y2}, {inside}, "
        f"score {region.score:.2f}"
    )

DRAWN.parent.mkdir(exist_ok=True)
pk.draw(PICTURE, found, min_side=448).save(DRAWN)
print(f"drawn to {DRAWN.resolve()}")
