"""scicap: the transfer for SciCap, first sentence (test).

    palikit train recipes/transfers/scicap.py root=data/scicap

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:scicap:ROOT,split=train; measured by benchmark:scicap:ROOT,split=val.

Data below ROOT, also of the splits that are learned: scicap_data.zip, linked from
github.com/tingyaohsu/SciCap.

Licence of the data: CC BY-NC-SA 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "scicap")
