"""rsvqa_hr: the transfer for RSVQA, high resolution (test); RSVQA, high resolution (test 2).

    palikit train recipes/transfers/rsvqa_hr.py root=data/rsvqa_hr

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:rsvqa_hr:ROOT,split=train; measured by benchmark:rsvqa_hr:ROOT,split=val.

Data below ROOT, also of the splits that are learned: Everything of zenodo.org/record/6344367,
the pictures unpacked.

Licence of the data: CC BY 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "rsvqa_hr")
