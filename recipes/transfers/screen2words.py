"""screen2words: the transfer for Screen2Words (test).

    palikit train recipes/transfers/screen2words.py root=data/screen2words

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:screen2words:ROOT,split=train; measured by
benchmark:screen2words:ROOT,split=dev.

Data below ROOT, also of the splits that are learned:
github.com/google-research-datasets/screen2words; unique_uis.tar.gz of Rico.

Licence of the data: CC BY 4.0; Rico for research.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "screen2words")
