"""Molecules: nano, the embedded model, learns to write a drawn molecule as SMILES.

    palikit data scenes scenes/molecules --world molecules --count 2000 --val 100
    palikit train recipes/rendered/molecules.py root=scenes/molecules
    palikit eval own-smiles --data scenes/molecules/val.jsonl --model runs/molecules/model

Measured by the share of molecules that are exactly right, however their SMILES is written.
"""

from palikit.data.asking import Asking
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method


def recipe(*, root: str = "scenes/molecules") -> FineTune:
    """All of nano but its embedding, by Muon, as when it was trained."""
    return FineTune(
        name="molecules",
        data=(f"jsonl:{root}/train.jsonl",),
        validation=(f"benchmark:own-smiles:{root}/val.jsonl",),
        asking=Asking(order="reading"),
        method=Method(kind="full", freeze=("embedding",)),
        optim=OptimConfig(lr=1e-3, kind="muon", weight_decay=0.02, betas=(0.9, 0.98)),
        steps=400,
        batch_size=16,
        max_suffix=96,
        validate_every=100,
        validate_limit=100,
    )
