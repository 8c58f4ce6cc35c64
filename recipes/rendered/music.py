"""Music: nano, the embedded model, learns to write an engraved score as **kern.

    palikit data scenes scenes/music --world music --count 2000 --val 100
    palikit train recipes/rendered/music.py root=scenes/music
    palikit eval own-kern --data scenes/music/val.jsonl --model runs/music/model

Measured by the character error rate, of which less is better; symbols and lines stand beside it.
"""

from palikit.data.asking import Asking
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method


def recipe(*, root: str = "scenes/music") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained."""
    return FineTune(
        name="music",
        data=(f"jsonl:{root}/train.jsonl",),
        validation=(f"benchmark:own-kern:{root}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=320,
        validate_every=100,
        validate_limit=100,
    )
