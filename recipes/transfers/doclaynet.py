"""doclaynet: the transfer for DocLayNet (test).

    palikit train recipes/transfers/doclaynet.py root=data/doclaynet

Also: size=3b|10b|28b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:doclaynet:ROOT,split=train; measured by benchmark:doclaynet:ROOT,split=val.

Data below ROOT, also of the splits that are learned: DocLayNet_core.zip from
github.com/DS4SD/DocLayNet.

Licence of the data: CDLA-Permissive-1.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "doclaynet")
