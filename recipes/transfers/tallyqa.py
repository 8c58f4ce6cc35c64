"""tallyqa: the transfer for TallyQA, simple (test); TallyQA, complex (test).

    palikit train recipes/transfers/tallyqa.py root=data/tallyqa

Also: size=3b|10b|28b|1-3b resolution=224|448|896 final=true (learns what is held out too).

Its model is also measured, without learning them, on: CountBenchQA (test).

Learns benchmark:tallyqa_complex:ROOT,split=train[:-1024]; measured by
benchmark:tallyqa_complex:ROOT,split=train[-1024:].

Data below ROOT, also of the splits that are learned: tallyqa.zip from
github.com/manoja328/TallyQA_dataset, both parts of Visual Genome's pictures from
homes.cs.washington.edu/~ranjay/visualgenome.

Licence of the data: Apache-2.0; pictures of Visual Genome and COCO under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "tallyqa")
