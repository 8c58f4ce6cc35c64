"""vsr_zeroshot: the transfer for VSR, zero-shot split (test).

    palikit train recipes/transfers/vsr_zeroshot.py root=data/vsr_zeroshot

Also: size=3b|10b|28b resolution=224 final=true (learns what is held out too).

Learns benchmark:vsr_zeroshot:ROOT,split=train; measured by
benchmark:vsr_zeroshot:ROOT,split=dev.

Data below ROOT, also of the splits that are learned: The splits from
github.com/cambridgeltl/visual-spatial-reasoning (data/splits), the pictures it links, which are
COCO 2017's, into images/.

Licence of the data: CC BY 4.0; pictures under their Flickr terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "vsr_zeroshot")
