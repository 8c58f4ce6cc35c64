"""aokvqa_da: the transfer for A-OKVQA, direct answers (val).

    palikit train recipes/transfers/aokvqa_da.py root=data/aokvqa_da

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:aokvqa_da:ROOT,split=train; measured by benchmark:aokvqa_da:ROOT,split=val.

Data below ROOT, also of the splits that are learned: aokvqa_v1p0.tar.gz from aokvqa.allenai.org,
val2017 and test2017 of COCO.

Licence of the data: Apache-2.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "aokvqa_da")
