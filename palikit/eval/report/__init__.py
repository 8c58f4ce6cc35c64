"""Reports: `report.html`, `report.md` and `report.json` of runs, `comparison.*` of several."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from palikit.eval.compare import Comparison
from palikit.eval.files import write_json, write_text
from palikit.eval.results import Result, result_dict

from .html import comparison_page, report_page
from .markdown import comparison_markdown, report_markdown

__all__ = ["write_comparison", "write_report"]


def write_report(results: Sequence[Result], folder: Path, title: str) -> Path:
    """Write all three forms; returns the HTML's path.

    Raises:
        PalikitError: a file could not be written.
    """
    write_json(folder / "report.json", [result_dict(one) for one in results])
    write_text(folder / "report.md", report_markdown(results, title))
    write_text(folder / "report.html", report_page(results, title))
    return folder / "report.html"


def write_comparison(told: Sequence[Comparison], folder: Path, title: str) -> Path:
    """Write all three forms; returns the HTML's path.

    Raises:
        PalikitError: a file could not be written.
    """
    rows = [{**asdict(one), "is_significant": one.is_significant} for one in told]
    write_json(folder / "comparison.json", rows)
    write_text(folder / "comparison.md", comparison_markdown(told, title))
    write_text(folder / "comparison.html", comparison_page(told, title))
    return folder / "comparison.html"
