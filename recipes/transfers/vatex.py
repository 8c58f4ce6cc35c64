"""vatex: the transfer for VATEX, English (public test).

    palikit train recipes/transfers/vatex.py root=data/vatex

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:vatex:ROOT,split=train; measured by benchmark:vatex:ROOT,split=val.

Data below ROOT, also of the splits that are learned: The public test of
eric-xw.github.io/vatex-website. All frames of each video, extracted to frames/<video>/.

Licence of the data: CC BY 4.0; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "vatex")
