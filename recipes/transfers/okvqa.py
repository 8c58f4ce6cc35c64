"""okvqa: the transfer for OK-VQA (val).

    palikit train recipes/transfers/okvqa.py root=data/okvqa

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:okvqa:ROOT,split=train[:-10%]; measured by
benchmark:okvqa:ROOT,split=train[-10%:].

Data below ROOT, also of the splits that are learned: Questions and annotations 1.1 from
okvqa.allenai.org, val2014 of cocodataset.org.

Licence of the data: CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "okvqa")
