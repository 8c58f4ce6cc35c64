"""Scores that were measured against what is right, as a small file of curves.

    {"regions": {"temperature": 1.8, "shift": 2.1}, "text": {"knots": [[0.2, 0.05], [0.9, 0.7]]}}

`palikit calibrate` writes it from a measured run, `palikit.load(..., calibration=)` applies it. A
curve never turns an order round, so what counts orders alone, such as average precision, stays
(isotonic curves may make neighbours equal).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from palikit.errors import DataError
from palikit.results import Regions, Text

__all__ = ["KINDS", "Calibration", "Curve"]

KINDS = ("regions", "text")
"""What scores are of: each box or mask, or an answer in words."""
SMALLEST = 1e-6
"""Scores nearer to 0 or 1 count as this far from them, where a logit is needed."""


@dataclass(frozen=True, slots=True)
class Curve:
    """From a score to the share of answers with such a score that are right.

    Attributes:
        temperature: the score's logit is divided by it (Guo et al. 2017); without knots.
        shift: and then moved by this (Platt 1999).
        knots: (score, share) in rising order, straight lines between them, flat outside.
    """

    temperature: float = 1.0
    shift: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __call__(self, score: float) -> float:
        """A calibrated score, from 0 to 1."""
        if self.knots:
            said, right = zip(*self.knots, strict=True)
            return float(np.interp(score, said, right))
        inside = min(max(score, SMALLEST), 1 - SMALLEST)
        logit = math.log(inside / (1 - inside)) / self.temperature + self.shift
        # The form whose exponent cannot overflow.
        return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        if self.knots:
            return {"knots": [list(knot) for knot in self.knots]}
        return {"temperature": self.temperature, "shift": self.shift}

    @classmethod
    def from_dict(cls, told: Any) -> "Curve":
        """Read what `to_dict` wrote.

        Raises:
            DataError: it says something else, or a curve that falls.
        """
        if isinstance(told, Mapping) and set(told) == {"temperature", "shift"}:
            temperature, shift = told["temperature"], told["shift"]
            if _is_number(temperature) and _is_number(shift) and temperature > 0:
                return cls(float(temperature), float(shift))
        if isinstance(told, Mapping) and set(told) == {"knots"}:
            knots = told["knots"]
            if isinstance(knots, list) and knots and all(map(_is_knot, knots)):
                said, right = zip(*knots, strict=True)
                if list(said) == sorted(said) and list(right) == sorted(right):
                    return cls(knots=tuple((float(a), float(b)) for a, b in knots))
        raise DataError(
            f"{str(told)[:80]} is no curve: give a temperature above 0 and a shift, or knots that "
            "rise"
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve for each kind of score; None leaves scores as they are."""

    regions: Curve | None = None
    text: Curve | None = None

    def apply(self, answer: Text | Regions) -> Text | Regions:
        """The same answer with calibrated scores; that of a whole list of regions stays."""
        if isinstance(answer, Text):
            if self.text is None or answer.score is None:
                return answer
            return replace(answer, score=self.text(answer.score))
        if self.regions is None:
            return answer
        curve = self.regions
        return replace(
            answer,
            items=tuple(
                one if one.score is None else replace(one, score=curve(one.score)) for one in answer
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        curves = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: curve.to_dict() for kind, curve in curves.items() if curve is not None}

    @classmethod
    def load(cls, path: str | Path) -> "Calibration":
        """Read a file that `palikit calibrate` wrote.

        Raises:
            DataError: it is missing, or something else.
        """
        try:
            told = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(
                f"{path} cannot be read as a calibration ({error}): write one with "
                "palikit calibrate"
            ) from error
        if not isinstance(told, Mapping) or not told or not set(told) <= set(KINDS):
            raise DataError(
                f"{path} is no calibration: it should hold curves of {' or '.join(KINDS)}, as "
                "palikit calibrate writes them"
            )
        try:
            return cls(**{kind: Curve.from_dict(curve) for kind, curve in told.items()})
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_knot(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(_is_number(one) and 0 <= one <= 1 for one in value)
    )
