"""fintabnet: the transfer for FinTabNet, TEDS (test); FinTabNet, GriTS-Con (test).

    palikit train recipes/transfers/fintabnet.py root=data/fintabnet

Also: size=3b|10b|28b resolution=896 final=true (learns what is held out too).

Learns benchmark:fintabnet:ROOT,split=train; measured by benchmark:fintabnet:ROOT,split=val.

Data below ROOT, also of the splits that are learned: fintabnet.tar.gz from IBM's Data Asset
eXchange, its tables rendered to images/; the published numbers are with the corrections of
FinTabNet.c.

Licence of the data: CDLA-Permissive-1.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "fintabnet")
