"""A report as one HTML file that needs nothing else: no script, no font, nothing from a network.

Whatever a model, a data set or a file name says is escaped here and nowhere else; the page also
forbids itself to load or to run anything (its Content-Security-Policy).
"""

from collections.abc import Sequence
from html import escape

from palikit.eval.compare import Comparison
from palikit.eval.results import Result

from .charts import calibration, histogram
from .examples import pick_examples, picture_uris
from .tables import (
    Table,
    comparison_table,
    group_table,
    headline_table,
    other_table,
    size_table,
)

__all__ = ["comparison_page", "report_page"]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #2a7de1; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-top: 1px solid var(--line);
padding-top: 1.5rem; } h3 { margin: 1.5rem 0 .5rem; } .note { opacity: .75; }
table { border-collapse: collapse; margin: .5rem 1.5rem .5rem 0;
font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: left;
overflow-wrap: anywhere; } th { background: var(--soft); }
td:not(:first-child), th:not(:first-child) { text-align: right; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.problem { border-left: 4px solid #d33; padding-left: .75rem; }
figure { margin: 0; width: 20rem; border: 1px solid var(--line); border-radius: 6px;
overflow: hidden; } figure img { width: 100%; display: block; }
figure .tag { font-size: 12px; padding: 0 .5rem; background: var(--soft); display: block; }
dl { margin: .5rem; display: grid; grid-template-columns: auto 1fr; gap: 0 .5rem; font-size: 13px; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; } svg .name { font-weight: 600; }
svg .axis { stroke: currentColor; fill: none; } svg .bar, svg .dot { fill: var(--mark); }
svg .ideal { stroke: currentColor; stroke-dasharray: 3 3; opacity: .5; }
"""
LONGEST = 600
"""Letters of an answer that are shown."""


def report_page(results: Sequence[Result], title: str) -> str:
    """The whole report."""
    models = ", ".join(dict.fromkeys(one.model for one in results))
    parts = [f'<p class="note">model: {escape(models)}</p>', _table(headline_table(results))]
    parts += [_section(one) for one in results]
    return _page(title, "\n".join(parts))


def comparison_page(told: Sequence[Comparison], title: str) -> str:
    """Two or more runs beside each other."""
    note = (
        "<p>Differences are second minus first, over the items that both runs have. * marks those "
        "whose 95 % interval leaves out 0. McNemar: items that only the first : only the second "
        "has right.</p>"
    )
    return _page(title, note + _table(comparison_table(told)))


def _page(title: str, body: str) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _section(one: Result) -> str:
    parts = [f'<h2 id="{escape(one.benchmark.name)}">{escape(one.benchmark.title)}</h2>']
    parts += [f'<p class="problem">{escape(p.sentence())}</p>' for p in one.problems]
    parts += [f"<p>{escape(note)}</p>" for note in one.notes]
    tables = [other_table(one), group_table(one), size_table(one)]
    parts.append(f'<div class="row">{"".join(_table(table) for table in tables)}</div>')
    parts.append(f'<div class="row">{"".join(_charts(one))}</div>')
    examples = pick_examples(one)
    for name, indices in (
        ("The worst", examples.worst),
        ("The surest of the wrong", examples.surest_wrong),
        ("At random", examples.drawn),
    ):
        if indices:
            figures = "".join(_figure(one, index) for index in indices)
            parts.append(f'<h3>{name}</h3><div class="row">{figures}</div>')
    return "\n".join(parts)


def _charts(one: Result) -> list[str]:
    if one.scores is None:
        return []
    values = one.scores.per_item
    highest = max(100.0, *values)
    charts = [histogram(values, high=highest, title="score of an item")]
    said = [min(max(a.score, 0.0), 1.0) for a in one.answers if a.score is not None]
    if said:
        charts.append(histogram(said, high=1.0, title="how sure the model was"))
    if (sure := one.sureness).pairs:
        charts.append(calibration(sure.said, sure.right))
    return charts


def _figure(one: Result, index: int) -> str:
    item, answer = one.items[index], one.answers[index]
    pictures = "".join(
        f'<span class="tag">{escape(what)}</span><img alt="" src="{uri}">'
        for what, uri in picture_uris(one, index)
    )
    rows = [("id", item.id), ("asked", item.prefix), ("answer", answer.answer or "(nothing)")]
    if item.references:
        rows.append(("right", " | ".join(dict.fromkeys(item.references))))
    if one.scores is not None:
        rows.append(("score", f"{one.scores.per_item[index]:.1f}"))
    if answer.score is not None:
        rows.append(("sure", f"{answer.score:.2f}"))
    if answer.error:
        rows.append(("error", answer.error))
    told = "".join(f"<dt>{name}</dt><dd>{escape(_short(text))}</dd>" for name, text in rows)
    return f"<figure>{pictures}<dl>{told}</dl></figure>"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text)} letters)"


def _table(table: Table) -> str:
    heads, rows = table
    if not rows:
        return ""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
