"""ocrvqa: the transfer for OCR-VQA (test).

    palikit train recipes/transfers/ocrvqa.py root=data/ocrvqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:ocrvqa:ROOT,split=train, benchmark:ocrvqa:ROOT,split=val[20000:]; measured by
benchmark:ocrvqa:ROOT,split=val[:20000].

Data below ROOT, also of the splits that are learned: dataset.json from ocr-vqa.github.io; its
loadDataset.py fetches the covers.

Licence of the data: research use; covers belong to their publishers.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "ocrvqa")
