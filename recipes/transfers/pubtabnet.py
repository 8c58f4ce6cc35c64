"""pubtabnet: the transfer for PubTabNet, TEDS (val); PubTabNet, GriTS-Con (val).

    palikit train recipes/transfers/pubtabnet.py root=data/pubtabnet

Also: size=3b|10b|28b resolution=896 final=true (learns what is held out too).

Learns benchmark:pubtabnet:ROOT,split=train[:-1000]; measured by
benchmark:pubtabnet:ROOT,split=train[-1000:].

Data below ROOT, also of the splits that are learned: pubtabnet.tar.gz, linked from
github.com/ibm-aur-nlp/PubTabNet.

Licence of the data: CDLA-Permissive-1.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "pubtabnet")
