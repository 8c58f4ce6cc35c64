"""How far beside the told bin a refined box should look: python bench/reach.py --scenes 600

nano is asked for the boxes of generated scenes that neither its training nor its test set holds,
once for each reach, and COCO's AP of what it tells is printed. Tokens and scores are the same in
all rows; every run and machine tells the same but for rounding. This is where `decode.ruler.REACH`
comes from.
"""

import argparse
from functools import partial
from unittest.mock import patch

import palikit as pk
from palikit.data.emoji_world import Scene, scene
from palikit.decode.ruler import Ruler
from palikit.eval.detection import Objects, detection_ap
from palikit.eval.nano import VALIDATION_SEED

REACHES = (0, 4, 8, 16, 24, 32, 48, 64, 96, 128)


def found(vlm: pk.Engine, some: list[Scene], reach: int) -> list[pk.Regions]:
    """What nano tells."""
    asked = [(one.image, pk.Detect(labels(one))) for one in some]
    with patch("palikit.engine.asked.Ruler", partial(Ruler, reach=reach)):
        return vlm.run(asked, decoding=pk.Decoding(refine=True))


def labels(one: Scene) -> list[str]:
    """Every name in a scene, the leftmost first."""
    things = sorted(one.objects, key=lambda thing: thing.box.x1 + thing.box.x2)
    return list(dict.fromkeys(thing.key for thing in things))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--reach", type=int, nargs="+", default=REACHES)
    told = parser.parse_args()
    some = [scene(VALIDATION_SEED, i) for i in range(told.scenes)]
    truth = [Objects([o.key for o in s.objects], [o.box.xyxy for o in s.objects]) for s in some]
    vlm = pk.load("nano", seen_bytes=1 << 28)
    print("reach     AP   AP50   AP75")
    for reach in told.reach:
        values = detection_ap(found(vlm, some, reach), truth).values
        print(f"{reach:>5}", *(f"{100 * values[name]:6.2f}" for name in ("ap", "ap50", "ap75")))


if __name__ == "__main__":
    main()
