"""Charts by Matplotlib, and questions whose answers follow from their numbers.

    {"image": ..., "question": "What is the value of pears?", "answers": ["12"], "group": "value",
     "chart": {"kind": "bar", "names": ["pears", ...], "values": [12, ...]}}

Bars (standing and lying), lines and pies in several of Matplotlib's styles; numbers stand at some
of them. The group is the kind of question: count, value, largest, smallest, difference, colour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from .drawing import Drawing, need, pick, written

__all__ = ["draw"]

KINDS = {"bar": "bar", "barh": "bar", "line": "point", "pie": "slice"}
"""What is drawn, and what one of its parts is called."""

STYLES = ("default", "classic", "ggplot", "bmh", "seaborn-v0_8-whitegrid", "dark_background")

NAMES = (
    "apples pears plums figs limes dates",
    "Jan Feb Mar Apr May Jun",
    "2019 2020 2021 2022 2023 2024",
    "north south east west centre coast",
    "Ann Ben Cleo Dan Eve Finn",
    "rail road air sea mail bike",
)

COLOURS = {
    **{"red": "#d62728", "blue": "#1f77b4", "green": "#2ca02c", "orange": "#ff8c00"},
    **{"purple": "#8e44ad", "yellow": "#f1c40f", "brown": "#8c564b", "pink": "#ff77bb"},
}

TITLES = ("Sales", "Visitors", "Output", "Share", "Trips", "Orders")
SCALES = (1.0, 1.0, 5.0, 10.0, 0.5)


@dataclass(frozen=True, slots=True)
class _Chart:
    """The numbers of a chart; `colours` names one for each part, or none."""

    kind: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    colours: tuple[str, ...]
    style: str
    title: str
    labelled: bool

    @property
    def part(self) -> str:
        return KINDS[self.kind]

    def told(self, value: float) -> str:
        return f"{written(value)}%" if self.kind == "pie" else written(value)


def draw(rng: np.random.Generator, side: int) -> Drawing:
    """One chart and one question about it."""
    chart = _chart(rng)
    asked = list(_questions(chart, rng))
    kind, question, answer = pick(rng, asked)
    told: dict[str, Any] = {
        "kind": chart.kind,
        "names": list(chart.names),
        "values": list(chart.values),
    }
    labels = {"question": question, "answers": [answer], "group": kind, "chart": told}
    return Drawing(_render(chart, side), labels)


def _chart(rng: np.random.Generator) -> _Chart:
    kind = pick(rng, list(KINDS))
    # Six different shares of 5 % and more would be over 100.
    count = int(rng.integers(2, 6 if kind == "pie" else 7))
    names = pick(rng, NAMES).split()
    start = int(rng.integers(0, len(names) - count + 1))
    coloured = kind != "line" and bool(rng.random() < 0.6)
    colours = rng.permutation(list(COLOURS))[:count].tolist() if coloured else []
    return _Chart(
        kind,
        tuple(names[start : start + count]),
        _shares(rng, count) if kind == "pie" else _values(rng, count),
        tuple(colours),
        pick(rng, STYLES),
        pick(rng, TITLES),
        kind == "pie" or bool(rng.random() < 0.5),
    )


def _values(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    """Different enough that the eye can tell the largest and the smallest."""
    scale = pick(rng, SCALES)
    return tuple(scale * float(v) for v in rng.choice(np.arange(1, 11) * 2, count, replace=False))


def _shares(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    """Different percents that sum to 100, in steps of 5."""
    while True:
        cuts = np.sort(rng.choice(np.arange(1, 20), count - 1, replace=False)) * 5
        shares = np.diff([0, *cuts, 100])
        if len(set(shares.tolist())) == count:
            return tuple(map(float, shares))


def _questions(chart: _Chart, rng: np.random.Generator) -> Iterator[tuple[str, str, str]]:
    """Kind, question and answer of all that can be asked."""
    values, names, part = chart.values, chart.names, chart.part
    yield "count", f"How many {part}s are there?", str(len(values))
    highest, lowest = int(np.argmax(values)), int(np.argmin(values))
    yield "largest", f"Which {part} is the largest?", names[highest]
    yield "smallest", f"Which {part} is the smallest?", names[lowest]
    one, other = rng.choice(len(values), 2, replace=False).tolist()
    yield "value", f"What is the value of {names[one]}?", chart.told(values[one])
    gap = abs(values[one] - values[other])
    asked = f"What is the difference between {names[one]} and {names[other]}?"
    yield "difference", asked, chart.told(gap)
    if chart.colours:
        yield "colour", f"What colour is the largest {part}?", chart.colours[highest]
        yield "colour", f"What colour is the smallest {part}?", chart.colours[lowest]
        asked = f"What is the value of the {chart.colours[one]} {part}?"
        yield "value", asked, chart.told(values[one])


def _render(chart: _Chart, side: int) -> Image.Image:
    figures, agg = need("matplotlib.figure"), need("matplotlib.backends.backend_agg")
    with need("matplotlib.style").context(["default", chart.style]):
        sizes = {"font.size": max(5.0, 0.05 * side), "axes.titlesize": max(6.0, 0.06 * side)}
        with need("matplotlib").rc_context(sizes | {"figure.dpi": 72, "savefig.dpi": 72}):
            figure = figures.Figure(figsize=(side / 72, side / 72), layout="constrained")
            agg.FigureCanvasAgg(figure)
            _plot(chart, figure.subplots())
            file = BytesIO()
            figure.savefig(file, format="png")
    file.seek(0)
    return Image.open(file).convert("RGB").resize((side, side))


def _plot(chart: _Chart, axes: Any) -> None:
    colours = [COLOURS[name] for name in chart.colours] or None
    axes.set_title(chart.title)
    if chart.kind == "pie":
        wedges, _, told = axes.pie(chart.values, labels=chart.names, colors=colours, autopct="%d%%")
        for wedge, text in zip(wedges, told, strict=True):
            red, green, blue, _ = wedge.get_facecolor()
            text.set_color("black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.4 else "white")
        return
    if chart.kind == "line":
        axes.plot(chart.names, chart.values, marker="o")
        axes.set_ylim(0, 1.2 * max(chart.values))
        _write_points(axes, chart.values) if chart.labelled else None
        return
    lying = chart.kind == "barh"
    bars = (axes.barh if lying else axes.bar)(chart.names, chart.values, color=colours)
    (axes.set_xlim if lying else axes.set_ylim)(0, 1.15 * max(chart.values))
    if chart.labelled:
        axes.bar_label(bars, [written(value) for value in chart.values])


def _write_points(axes: Any, values: Sequence[float]) -> None:
    for i, value in enumerate(values):
        axes.annotate(written(value), (i, value), (0, 4), textcoords="offset points", ha="center")
