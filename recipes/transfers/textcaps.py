"""textcaps: the transfer for TextCaps (val).

    palikit train recipes/transfers/textcaps.py root=data/textcaps

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:textcaps:ROOT,split=train[:98%],lower=true; measured by
benchmark:textcaps:ROOT,split=train[-2%:].

Data below ROOT, also of the splits that are learned: TextCaps_0.1_val.json and
train_val_images.zip from textvqa.org/textcaps.

Licence of the data: CC BY 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "textcaps")
