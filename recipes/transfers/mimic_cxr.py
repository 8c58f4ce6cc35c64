"""mimic_cxr: the transfer for MIMIC-CXR, CIDEr (test); MIMIC-CXR, RadGraph F1 (test).

    palikit train recipes/transfers/mimic_cxr.py root=data/mimic_cxr

Also: size=3b|10b resolution=448|896 final=true (learns what is held out too).

Learns benchmark:mimic_cxr:ROOT,split=train; measured by benchmark:mimic_cxr:ROOT,split=validate.

Data below ROOT, also of the splits that are learned: With credentialed access to physionet.org
(a course and a signed agreement), the pictures of MIMIC-CXR-JPG 2.1.0, its
mimic-cxr-2.0.0-split.csv and -metadata.csv (unpacked), and mimic-cxr-reports.zip of MIMIC-CXR
2.1.0, in one folder. For the published numbers Gemini 1.5 Pro took mentions of earlier studies
out of the reports; here they stay.

Licence of the data: PhysioNet Credentialed Health Data License: not to be passed on.
"""

from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "mimic_cxr")
