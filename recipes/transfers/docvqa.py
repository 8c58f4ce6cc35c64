"""docvqa: the transfer for DocVQA (val).

    palikit train recipes/transfers/docvqa.py root=data/docvqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:docvqa:ROOT,split=train[:-5%]; measured by
benchmark:docvqa:ROOT,split=train[-5%:].

Data below ROOT, also of the splits that are learned: Task 1 (single page) of challenge 17 from
rrc.cvc.uab.es: questions and images.

Licence of the data: research use, after registration; documents of the UCSF Industry Library.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "docvqa")
