"""activitynet_cap: the transfer for ActivityNet captions (val 2, as test).

    palikit train recipes/transfers/activitynet_cap.py root=data/activitynet_cap

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:activitynet_cap:ROOT,split=train; measured by
benchmark:activitynet_cap:ROOT,split=val.

Data below ROOT, also of the splits that are learned: captions.zip of ActivityNet Captions
(cs.stanford.edu/~ranjaykrishna). All frames of each video, extracted to frames/<video>/.

Licence of the data: annotations for research; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "activitynet_cap")
