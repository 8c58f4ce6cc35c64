"""Words in places: nano, the embedded model, learns text spotting.

    palikit data scenes scenes/words --world words --count 2000 --val 100
    palikit train recipes/rendered/words.py root=scenes/words
    palikit eval own-spotting --data scenes/words/val.jsonl --model runs/words/model

Measured by the F1 of words that stand in the right place and are spelled right, letter by letter.
"""

from palikit.data.asking import Asking
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method


def recipe(*, root: str = "scenes/words") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained."""
    return FineTune(
        name="words",
        data=(f"jsonl:{root}/train.jsonl",),
        validation=(f"benchmark:own-spotting:{root}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=96,
        validate_every=100,
        validate_limit=100,
    )
