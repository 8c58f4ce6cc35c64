"""coco_detection: the transfer for COCO detection (val 2017).

    palikit train recipes/transfers/coco_detection.py root=data/coco_detection

Also: size=3b|10b|28b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:coco_detection:ROOT,split=train[:-1000]; measured by
benchmark:coco_detection:ROOT,split=train[-1000:].

Data below ROOT, also of the splits that are learned: annotations_trainval2017.zip and
val2017.zip from cocodataset.org.

Licence of the data: annotations CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "coco_detection")
