"""coco35l: the transfer for COCO-35L, 34 languages but English (dev); COCO-35L, English (dev).

    palikit train recipes/transfers/coco35l.py root=data/coco35l

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Its model is also measured, without learning them, on: XM3600, 35 languages but English (test);
XM3600, English (test).

Learns 34*benchmark:coco35l:ROOT,split=train, 1*benchmark:coco35l_en:ROOT,split=train; measured
by benchmark:coco35l:ROOT,split=dev.

Data below ROOT, also of the splits that are learned: coco_mt_dev.jsonl (unpacked) from
google.github.io/crossmodal-3600, dataset_coco.json from
cs.stanford.edu/people/karpathy/deepimagesent, train2014 and val2014 from cocodataset.org.

Licence of the data: annotations CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "coco35l")
