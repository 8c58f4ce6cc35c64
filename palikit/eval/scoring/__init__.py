"""From a run's answers to its numbers: one row a metric, by the key that a benchmark names.

scores = SCORERS["anls"](answers, items)
scores.headline, scores.interval, scores.unparsed, scores.n      # 73.6, (72.9, 74.3), 0.001, 5349
"""

from .build import Scorer
from .judged import JUDGED, judged_by, load_judge
from .radiology import RADIOLOGY
from .regions import REGIONS
from .sets import SETS
from .words import WORDS

__all__ = ["JUDGED", "SCORERS", "Scorer", "judged_by", "load_judge"]

SCORERS: dict[str, Scorer] = {**WORDS, **SETS, **REGIONS, **JUDGED, **RADIOLOGY}
