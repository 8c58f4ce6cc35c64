"""cococap: the transfer for COCO captions (Karpathy's val).

    palikit train recipes/transfers/cococap.py root=data/cococap

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Its model is also measured, without learning them, on: NoCaps (val).

Learns benchmark:cococap:ROOT,split=train[:98%], benchmark:cococap:ROOT,split=restval; measured
by benchmark:cococap:ROOT,split=train[-2%:].

Data below ROOT, also of the splits that are learned: dataset_coco.json of caption_datasets.zip
from cs.stanford.edu/people/karpathy/deepimagesent, val2014 and train2014 from cocodataset.org.

Licence of the data: annotations CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "cococap")
