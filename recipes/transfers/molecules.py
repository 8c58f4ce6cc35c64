"""molecules: the transfer for MolScribe's ChemDraw set (test); MolScribe's USPTO set (test).

    palikit train recipes/transfers/molecules.py root=data/molecules

Also: size=3b|10b|28b resolution=448 final=true (learns what is held out too).

Learns jsonl:ROOT/train.jsonl; measured by benchmark:own-smiles:ROOT/val.jsonl.

Data: palikit data scenes ROOT --world molecules; palikit's own licence.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "molecules")
