"""msrvtt_qa: the transfer for MSRVTT-QA (test).

    palikit train recipes/transfers/msrvtt_qa.py root=data/msrvtt_qa

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:msrvtt_qa:ROOT,split=train; measured by benchmark:msrvtt_qa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: MSRVTT-QA of
github.com/xudejing/video-question-answering. All frames of each video, extracted to
frames/<video>/.

Licence of the data: annotations for research; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "msrvtt_qa")
