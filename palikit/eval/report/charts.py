"""Two small charts as SVG inside the page: bars of numbers, and confidence against accuracy.

    histogram([0, 100, 100], high=100, title="score of an item")     # '<svg …>…</svg>'

Nothing in them is loaded from elsewhere. A chart says its numbers in words too (`<title>`).
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from palikit.eval.calibration import calibration_bins, expected_calibration_error

__all__ = ["calibration", "histogram"]

WIDTH, HEIGHT = 320, 190
LEFT, BOTTOM, TOP, RIGHT = 40, 34, 24, 10
BARS = 20
BINS = 10


def histogram(values: Sequence[float], *, high: float, title: str, low: float = 0.0) -> str:
    """How many values lie in each of 20 equal stretches from `low` to `high`."""
    inside = np.clip(np.asarray(values, np.float64), low, high)
    counts = np.histogram(inside, bins=BARS, range=(low, high))[0]
    tallest = max(int(counts.max()), 1)
    step = (WIDTH - LEFT - RIGHT) / BARS
    bars = []
    for i, count in enumerate(counts.tolist()):
        height = (HEIGHT - TOP - BOTTOM) * count / tallest
        edges = (low + (high - low) * k / BARS for k in (i, i + 1))
        told = f"{count} from {' to '.join(f'{edge:g}' for edge in edges)}"
        bars.append(
            f'<rect class="bar" x="{LEFT + i * step + 0.5:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" '
            f'width="{step - 1:.1f}" height="{height:.1f}"><title>{told}</title></rect>'
        )
    return _chart(title, "".join(bars), low, high, f"{tallest}")


def calibration(confidences: Sequence[float], correct: Sequence[float]) -> str:
    """Accuracy over confidence in ten bins; on the diagonal a model knows what it knows."""
    bins = calibration_bins(confidences, correct, bins=BINS)
    error = expected_calibration_error(confidences, correct, bins=BINS)
    most = max(one.count for one in bins)
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    dots = "".join(
        f'<circle class="dot" cx="{LEFT + across * one.confidence:.1f}" '
        f'cy="{HEIGHT - BOTTOM - up * one.accuracy:.1f}" '
        f'r="{3 + 6 * (one.count / most) ** 0.5:.1f}">'
        f"<title>{one.count} answers: said {one.confidence:.2f}, right {one.accuracy:.2f}</title>"
        "</circle>"
        for one in bins
        if one.count
    )
    line = (
        f'<line class="ideal" x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{TOP}"/>'
    )
    return _chart(f"right against said (ECE {error:.3f})", line + dots, 0.0, 1.0, "1")


def _chart(title: str, inside: str, low: float, high: float, top: str) -> str:
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{LEFT + (WIDTH - LEFT - RIGHT) * part:.0f}" y="{base + 16}" '
        f'text-anchor="middle">{low + (high - low) * part:g}</text>'
        for part in (0.0, 0.5, 1.0)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f'<text x="{LEFT}" y="14" class="name">{escape(title)}</text>'
        f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{escape(top)}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text>{ticks}{inside}</svg>'
    )
