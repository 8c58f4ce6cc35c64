"""refcoco: the transfer for RefCOCO (val); RefCOCO (testA); RefCOCO (testB); RefCOCO+ (val);
RefCOCO+ (testA); RefCOCO+ (testB); RefCOCOg (val); RefCOCOg (test).

    palikit train recipes/transfers/refcoco.py root=data/refcoco

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:refcoco_val:ROOT,split=train, benchmark:refcocoplus_val:ROOT,split=train,
benchmark:refcocog_val:ROOT,split=train; measured by benchmark:refcoco_val:ROOT,split=val.

Data below ROOT, also of the splits that are learned: mdetr_annotations.tar.gz from
zenodo.org/record/4729015, annotations_trainval2014.zip and train2014.zip from cocodataset.org.

Licence of the data: annotations Apache-2.0 (phrases) and CC BY 4.0 (outlines); pictures under
their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "refcoco")
