"""What a model said of itself beside what is true: pairs for calibration.

sureness(benchmark, answers, items, scores.per_item)      # Sureness("regions", ((0.9, 1.0), ...))
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from palikit.errors import DataError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.calibration import expected_calibration_error
from palikit.eval.files import read_json
from palikit.eval.found_masks import match_regions
from palikit.eval.predictions import Prediction, to_regions
from palikit.eval.scoring import SCORERS

__all__ = ["Sureness", "read_sureness", "sureness"]


@dataclass(frozen=True, slots=True)
class Sureness:
    """Scores of answers, or of each region of them, and how right they were.

    Attributes:
        of: "text" or "regions".
        pairs: (score, right), both from 0 to 1; a region is right where a thing of its label is
            found by it at an IoU of 0.5.
    """

    of: str
    pairs: tuple[tuple[float, float], ...]

    @property
    def said(self) -> list[float]:
        """The scores."""
        return [said for said, _ in self.pairs]

    @property
    def right(self) -> list[float]:
        """What they should have been."""
        return [right for _, right in self.pairs]

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 (best) to 1; there must be pairs."""
        return expected_calibration_error(self.said, self.right)


def sureness(
    benchmark: Benchmark,
    answers: Sequence[Prediction],
    items: Sequence[Item],
    per_item: Sequence[float],
) -> Sureness:
    """The pairs of a run; none where a metric does not say what is right."""
    scorer = SCORERS[benchmark.metric]
    if scorer.answers_in in ("boxes", "masks"):
        pairs = zip(answers, items, strict=True)
        return Sureness("regions", tuple(pair for one in pairs for pair in _of_regions(*one)))
    told = zip(answers, per_item, strict=True)
    # Errors a hundred and CIDEr are no shares of anything.
    tells = benchmark.higher_is_better and scorer.unit != "CIDEr"
    found = [(_share(a.score), _share(v / 100)) for a, v in told if a.score is not None and tells]
    return Sureness("text", tuple(found))


def read_sureness(path: Path) -> Sureness:
    """Read that of a `scores.json`, or of the folder of a benchmark that holds one.

    Raises:
        DataError: it is missing, broken, or has no pairs.
    """
    file = path / "scores.json" if path.is_dir() else path
    if not file.exists():
        raise DataError(
            f"{path} holds no scores.json: give the folder of one benchmark that palikit eval "
            "wrote, such as eval-nano/nano-detect"
        )
    told = read_json(file)
    try:
        said = told["said"]
        pairs = tuple((float(score), float(right)) for score, right in said["pairs"])
        of = str(said["of"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{file} does not say how sure the model was ({error!r}): it was written by another "
            "version, or its metric does not tell right from wrong; run palikit eval again"
        ) from error
    if of not in ("text", "regions") or not all(0 <= v <= 1 for pair in pairs for v in pair):
        raise DataError(f"{file} holds scores of {of!r} or outside 0 to 1: run palikit eval again")
    return Sureness(of, pairs)


def _of_regions(one: Prediction, item: Item) -> Iterator[tuple[float, float]]:
    found = to_regions(one)
    things = [(thing.label, thing.box) for thing in item.things if not thing.crowd]
    right = {j for _, j in match_regions(things, found.items)}
    for j, region in enumerate(found):
        if region.score is not None:
            yield _share(region.score), float(j in right)


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
