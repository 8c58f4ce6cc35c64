"""activitynet_qa: the transfer for ActivityNet-QA (test).

    palikit train recipes/transfers/activitynet_qa.py root=data/activitynet_qa

Also: size=3b|10b|1-3b resolution=224 final=true (learns what is held out too).

Learns benchmark:activitynet_qa:ROOT,split=train; measured by
benchmark:activitynet_qa:ROOT,split=val.

Data below ROOT, also of the splits that are learned: dataset/ of
github.com/MILVLG/activitynet-qa. All frames of each video, extracted to frames/<video>/.

Licence of the data: Apache-2.0; videos of YouTube under their own terms.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "activitynet_qa")
