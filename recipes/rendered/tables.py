"""Tables: nano, the embedded model, learns to write a drawn table as HTML.

    palikit data scenes scenes/tables --world tables --count 2000 --val 100
    palikit train recipes/rendered/tables.py root=scenes/tables
    palikit eval own-teds --data scenes/tables/val.jsonl --model runs/tables/model

Measured by TEDS, with S-TEDS and both GriTS beside it.
"""

from palikit.data.asking import Asking
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method


def recipe(*, root: str = "scenes/tables") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained."""
    return FineTune(
        name="tables",
        data=(f"jsonl:{root}/train.jsonl",),
        validation=(f"benchmark:own-teds:{root}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=320,
        validate_every=100,
        validate_limit=100,
    )
