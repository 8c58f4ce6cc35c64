"""grandstaff: the transfer for GrandStaff, CER (test).

    palikit train recipes/transfers/grandstaff.py root=data/grandstaff

Also: size=3b|10b|28b resolution=896 final=true (learns what is held out too).

Learns benchmark:grandstaff:ROOT,split=train; measured by benchmark:grandstaff:ROOT,split=val.

Data below ROOT, also of the splits that are learned: GrandStaff and its partitions from
grfia.dlsi.ua.es/sheet-music-transformer.

Licence of the data: CC BY-NC-SA 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "grandstaff")
