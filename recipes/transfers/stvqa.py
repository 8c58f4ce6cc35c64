"""stvqa: the transfer for ST-VQA (held out of train).

    palikit train recipes/transfers/stvqa.py root=data/stvqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:stvqa:ROOT,split=train; measured by benchmark:stvqa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: Task 3 of challenge 11 from rrc.cvc.uab.es;
the list of held-out pictures is your own, as the reference's is not public.

Licence of the data: research use, after registration; pictures under the terms of their sources.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "stvqa")
