"""How nano learns a rendered world: one run for all of them, but for the length of their answers.

learn_world("charts", root="scenes/charts")     a FineTune on what `palikit data scenes` wrote
"""

from palikit.data.asking import Asking
from palikit.data.rendered import WORLDS
from palikit.errors import UsageError
from palikit.train import OptimConfig

from .config import FineTune, Method

__all__ = ["LONGEST", "learn_world"]

LONGEST: dict[str, int] = {"charts": 16, "words": 96, "molecules": 96, "tables": 320, "music": 320}
"""Tokens of a world's answers at most."""


def learn_world(world: str, *, root: str = "") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained.

    `root` is the folder of `train.jsonl` and `val.jsonl`, `scenes/<world>` unless told. Measured
    by the world's metric, as `palikit eval own-<metric>` does.

    Raises:
        UsageError: an unknown world.
    """
    if world not in WORLDS:
        raise UsageError(f"{world!r} is no world: choose one of {', '.join(WORLDS)}")
    folder = root or f"scenes/{world}"
    return FineTune(
        name=world,
        data=(f"jsonl:{folder}/train.jsonl",),
        validation=(f"benchmark:own-{WORLDS[world]}:{folder}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=LONGEST[world],
        validate_every=100,
        validate_limit=100,
    )
