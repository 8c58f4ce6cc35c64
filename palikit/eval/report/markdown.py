"""A report as Markdown: its tables and problems, for a README or an issue."""

from collections.abc import Sequence

from palikit.eval.compare import Comparison
from palikit.eval.results import Result

from .tables import Table, comparison_table, group_table, headline_table, other_table, size_table

__all__ = ["comparison_markdown", "report_markdown", "to_table"]

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~$"})


def report_markdown(results: Sequence[Result], title: str) -> str:
    """All numbers, without pictures."""
    models = ", ".join(dict.fromkeys(one.model for one in results))
    parts = [f"# {_plain(title)}", f"model: {_plain(models)}", to_table(headline_table(results))]
    for one in results:
        parts.append(f"## {_plain(one.benchmark.title)}")
        parts += [f"- {_plain(problem.sentence())}" for problem in one.problems]
        parts += [_plain(note) for note in one.notes]
        parts += [to_table(table(one)) for table in (other_table, group_table, size_table)]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_markdown(told: Sequence[Comparison], title: str) -> str:
    """Two or more runs beside each other."""
    note = "Second minus first; * where the 95 % interval leaves out 0."
    return f"# {_plain(title)}\n\n{note}\n\n{to_table(comparison_table(told))}\n"


def to_table(table: Table) -> str:
    """A table in GitHub's Markdown; "" without rows."""
    heads, rows = table
    if not rows:
        return ""
    lines = [_line(heads), "|" + "---|" * len(heads), *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text that Markdown takes for text, on one line."""
    return " ".join(text.split()).translate(SPECIAL)
