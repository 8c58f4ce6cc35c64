"""nlvr2: the transfer for NLVR2 (test-P).

    palikit train recipes/transfers/nlvr2.py root=data/nlvr2

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Its model is also measured, without learning them, on: MaRVL, five languages (test).

Learns benchmark:nlvr2:ROOT,split=train; measured by benchmark:nlvr2:ROOT,split=dev.

Data below ROOT, also of the splits that are learned: nlvr2/data of github.com/lil-lab/nlvr, and
the pictures by its form.

Licence of the data: CC BY 4.0; pictures by request from the authors, under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "nlvr2")
