"""text_spotting: the transfer for ICDAR 2015, end to end (test); Total-Text, end to end (test);
HierText, words (validation).

    palikit train recipes/transfers/text_spotting.py root=data/text_spotting

Also: size=3b|10b|28b resolution=896 final=true (learns what is held out too).

Learns benchmark:icdar15:ROOT,split=train, benchmark:totaltext:ROOT,split=train,
benchmark:hiertext:ROOT,split=train; measured by benchmark:hiertext:ROOT,split=validation.

Data below ROOT, also of the splits that are learned: Task 4 (or 1) of challenge 4, test images
and annotations, from rrc.cvc.uab.es.

Data below ROOT, also of the splits that are learned: totaltext.zip and the text ground truth of
github.com/cs-chan/Total-Text-Dataset.

Data below ROOT, also of the splits that are learned: gt/ (unpacked) and validation.tgz of
github.com/google-research-datasets/hiertext.

Licence of the data: CC BY 4.0; BSD-3-Clause; pictures found on the web, under their own terms;
CC BY-SA 4.0; pictures of Open Images CC BY 2.0.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "text_spotting")
