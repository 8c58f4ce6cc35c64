"""vizwiz: the transfer for VizWiz-VQA (val).

    palikit train recipes/transfers/vizwiz.py root=data/vizwiz

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:vizwiz:ROOT,split=train; measured by benchmark:vizwiz:ROOT,split=val.

Data below ROOT, also of the splits that are learned: Annotations.zip, val.zip and test.zip of
the VQA task from vizwiz.org.

Licence of the data: CC BY 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "vizwiz")
