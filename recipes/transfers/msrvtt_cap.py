"""msrvtt_cap: the transfer for MSRVTT captions (test).

    palikit train recipes/transfers/msrvtt_cap.py root=data/msrvtt_cap

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:msrvtt_cap:ROOT,split=train; measured by benchmark:msrvtt_cap:ROOT,split=val.

Data below ROOT, also of the splits that are learned: test_ and train_val_videodatainfo.json of
MSR-VTT 2016. All frames of each video, extracted to frames/<video>/.

Licence of the data: annotations for research; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "msrvtt_cap")
