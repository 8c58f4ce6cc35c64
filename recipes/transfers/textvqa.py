"""textvqa: the transfer for TextVQA (val).

    palikit train recipes/transfers/textvqa.py root=data/textvqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:textvqa:ROOT,split=train; measured by benchmark:textvqa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: TextVQA_0.5.1_val.json,
train_val_images.zip and, for test, test_images.zip from textvqa.org; Open Images' table of
rotations beside the pictures as rotation.csv.

Licence of the data: CC BY 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "textvqa")
