"""science_qa: the transfer for ScienceQA, with pictures (test).

    palikit train recipes/transfers/science_qa.py root=data/science_qa

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:science_qa:ROOT,split=train; measured by benchmark:science_qa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: problems.json and the images of test from
github.com/lupantech/ScienceQA.

Licence of the data: CC BY-NC-SA 4.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "science_qa")
