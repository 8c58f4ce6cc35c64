"""widgetcap: the transfer for Widget Captioning (test).

    palikit train recipes/transfers/widgetcap.py root=data/widgetcap

Also: size=3b|10b|28b|1-3b resolution=224|448 final=true (learns what is held out too).

Learns benchmark:widgetcap:ROOT,split=train; measured by benchmark:widgetcap:ROOT,split=dev.

Data below ROOT, also of the splits that are learned:
github.com/google-research-datasets/widget-caption; unique_uis.tar.gz of Rico.

Licence of the data: CC BY 4.0; Rico for research.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "widgetcap")
