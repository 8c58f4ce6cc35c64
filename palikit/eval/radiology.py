"""RadGraph F1: whether two radiology reports tell of the same findings at the same places.

    radgraph_f1(["No acute cardiopulmonary process."], ["No acute intrathoracic process."])
    [RadGraphF1(entities=0.4, relations=0.4, complete=0.4)]

The package radgraph (Stanford AIMI, MIT) extracts entities and relations by the model of Jain et
al. (2021), the one that the PaliGemma 2 report cites, and compares them as Delbrouck et al. (2022);
it fetches that model from Hugging Face on first use. The numbers are from 0 to 1.
"""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from palikit.errors import PalikitError

from .checks import need_pairs
from .extras import need

__all__ = ["RadGraphF1", "radgraph_f1"]

MODEL = "radgraph"
"""That of Jain et al.; the package's own default is a later one, radgraph-xl."""


@dataclass(frozen=True, slots=True)
class RadGraphF1:
    """F1 of what two reports tell, from 0 to 1, by how much must agree.

    Attributes:
        entities: the words and their label, such as "definitely absent" (the package's "simple").
        relations: also whether it is related to anything ("partial", RG_ER): what papers report.
        complete: also to what, and how ("complete").
    """

    entities: float
    relations: float
    complete: float


def radgraph_f1(predictions: Sequence[str], references: Sequence[str]) -> list[RadGraphF1]:
    """One result a pair of reports; 0 where one of them says nothing.

    Raises:
        MissingExtraError: the package radgraph is not installed.
        PalikitError: it could not fetch or run its model.
        UsageError: not one prediction a reference, or none at all.
    """
    need_pairs(predictions, references)
    pairs = [(a.strip(), b.strip()) for a, b in zip(predictions, references, strict=True)]
    package = need("radgraph")
    said = [i for i, pair in enumerate(pairs) if all(pair)]
    found = [RadGraphF1(0.0, 0.0, 0.0)] * len(pairs)
    for i, one in zip(said, _compare(package, [pairs[i] for i in said]), strict=True):
        found[i] = one
    return found


def _compare(package: Any, pairs: Sequence[tuple[str, str]]) -> list[RadGraphF1]:
    if not pairs:
        return []
    try:
        with redirect_stdout(sys.stderr):  # it prints, and our output may be JSON
            scorer = _scorer(package)
            _, levels, _, _ = scorer(hyps=[a for a, _ in pairs], refs=[b for _, b in pairs])
    except Exception as error:  # it raises bare Exceptions, and whatever its model meets
        raise PalikitError(
            f"the package radgraph could not compare {len(pairs)} reports ({error}): its model "
            "comes from huggingface.co/StanfordAIMI/RRG_scorers on first use"
        ) from error
    return [RadGraphF1(*map(float, three)) for three in zip(*levels, strict=True)]


@lru_cache(maxsize=1)
def _scorer(package: Any) -> Any:
    """Once a process: it loads a language model."""
    return package.F1RadGraph(reward_level="all", model_type=MODEL)
