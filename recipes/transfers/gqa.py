"""gqa: the transfer for GQA (testdev, balanced).

    palikit train recipes/transfers/gqa.py root=data/gqa

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Its model is also measured, without learning them, on: xGQA, seven languages (testdev).

Learns benchmark:gqa:ROOT,split=train_balanced; measured by
benchmark:gqa:ROOT,split=val_balanced.

Data below ROOT, also of the splits that are learned: questions1.2.zip and images.zip from
cs.stanford.edu/people/dorarad/gqa.

Licence of the data: CC BY 4.0; pictures of Visual Genome under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "gqa")
