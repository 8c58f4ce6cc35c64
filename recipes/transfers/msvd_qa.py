"""msvd_qa: the transfer for MSVD-QA (test).

    palikit train recipes/transfers/msvd_qa.py root=data/msvd_qa

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:msvd_qa:ROOT,split=train; measured by benchmark:msvd_qa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: MSVD-QA of
github.com/xudejing/video-question-answering. All frames of each video, extracted to
frames/<video>/.

Licence of the data: annotations for research; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "msvd_qa")
