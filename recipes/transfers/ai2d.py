"""ai2d: the transfer for AI2D (test).

    palikit train recipes/transfers/ai2d.py root=data/ai2d

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:ai2d:ROOT,split=train[:-1024]; measured by
benchmark:ai2d:ROOT,split=train[-1024:].

Data below ROOT, also of the splits that are learned: ai2d-all.zip from
ai2-public-datasets.s3.amazonaws.com/diagrams, ai2d_test_ids.csv from
s3-us-east-2.amazonaws.com/prior-datasets.

Licence of the data: CC BY-SA 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "ai2d")
