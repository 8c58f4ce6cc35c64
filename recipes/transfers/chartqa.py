"""chartqa: the transfer for ChartQA, human (test); ChartQA, augmented (test).

    palikit train recipes/transfers/chartqa.py root=data/chartqa

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns 7398*benchmark:chartqa_human:ROOT,split=train,
20901*benchmark:chartqa_aug:ROOT,split=train; measured by benchmark:chartqa_human:ROOT,split=val.

Data below ROOT, also of the splits that are learned: ChartQA Dataset.zip from
huggingface.co/datasets/ahmed-masry/ChartQA; its inner folder.

Licence of the data: GPL-3.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "chartqa")
