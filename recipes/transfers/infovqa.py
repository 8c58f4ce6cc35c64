"""infovqa: the transfer for InfographicVQA (val).

    palikit train recipes/transfers/infovqa.py root=data/infovqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Learns benchmark:infovqa:ROOT,split=train; measured by benchmark:infovqa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: Task 3 (InfographicVQA) of challenge 17
from rrc.cvc.uab.es: questions and images.

Licence of the data: research use, after registration.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "infovqa")
