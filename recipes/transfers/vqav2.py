"""vqav2: the transfer for VQAv2 (val).

    palikit train recipes/transfers/vqav2.py root=data/vqav2

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Its model is also measured, without learning them, on: POPE on COCO (random, popular,
adversarial); MMVP (test).

Learns benchmark:vqav2:ROOT,split=train, benchmark:vqav2:ROOT,split=val[:-10240]; measured by
benchmark:vqav2:ROOT,split=val[-10240:].

Data below ROOT, also of the splits that are learned: Questions and annotations v2 from
visualqa.org, train2014, val2014 and test2015 of cocodataset.org, unpacked into one folder. The
published numbers are of 10,240 questions of val (minival), in an order that only TFDS knows;
here val is whole.

Licence of the data: annotations CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "vqav2")
