"""Charts: nano, the embedded model, learns to answer questions about charts.

    palikit data scenes scenes/charts --world charts --count 2000 --val 100
    palikit train recipes/rendered/charts.py root=scenes/charts
    palikit eval own-relaxed --data scenes/charts/val.jsonl --model runs/charts/model

Measured as ChartQA is: numbers within 5 %. The mean is over the kinds of question.
"""

from palikit.data.asking import Asking
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method


def recipe(*, root: str = "scenes/charts") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained."""
    return FineTune(
        name="charts",
        data=(f"jsonl:{root}/train.jsonl",),
        validation=(f"benchmark:own-relaxed:{root}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=16,
        validate_every=100,
        validate_limit=100,
    )
