"""docci: the transfer for DOCCI (qual_dev).

    palikit train recipes/transfers/docci.py root=data/docci

Also: size=3b|10b|28b resolution=448 final=true (learns what is held out too).

Learns benchmark:docci:ROOT,split=train; measured by nothing.

Data below ROOT, also of the splits that are learned: docci_descriptions.jsonlines and
docci_images.tar.gz from google.github.io/docci.

Licence of the data: CC BY 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "docci")
