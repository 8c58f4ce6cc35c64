"""Molecules: nano, the embedded model, learns to write a drawn molecule as SMILES.

    palikit data scenes scenes/molecules --world molecules --count 2000 --val 100
    palikit train recipes/rendered/molecules.py root=scenes/molecules
    palikit eval own-smiles --data scenes/molecules/val.jsonl --model runs/molecules/model

Measured by the share of molecules that are exactly right, however their SMILES is written.
"""

from functools import partial

from palikit.tuning.rendered import learn_world

recipe = partial(learn_world, "molecules")
