"""Error rates of read text and music: how many edits a hundred characters, words or lines need.

    character_error_rate(["helo"], ["hello"])        # 20.0
    line_error_rate(["4c\\n4d"], ["4c\\n4e"])          # 50.0
    music_symbols("4c\\t4e\\n*-")                     # ["4c", "<t>", "4e", "<b>", "*-"]

100 * the sum of the Levenshtein distances / the sum of the references' lengths, over the whole set;
0 is perfect and more than 100 is possible. CER, SER and LER of **kern follow SMT (Ríos-Vila et al.
2024): line ends are the symbol <b>, tabs <t>, and a space only parts symbols.
"""

from collections.abc import Callable, Sequence
from typing import Any

from palikit.errors import UsageError
from palikit.eval.checks import need_pairs
from palikit.eval.extras import need

__all__ = [
    "character_error_rate",
    "clean_kern",
    "line_error_rate",
    "music_symbols",
    "symbol_error_rate",
    "word_error_rate",
]


def character_error_rate(predictions: Sequence[str], references: Sequence[str]) -> float:
    """CER in percent.

    Raises:
        UsageError: lists of different length, or nothing but empty references.
        MissingExtraError: rapidfuzz is not installed.
    """
    return _error_rate(predictions, references, list)


def word_error_rate(predictions: Sequence[str], references: Sequence[str]) -> float:
    """WER in percent, over what white space parts. Raises as `character_error_rate`."""
    return _error_rate(predictions, references, str.split)


def symbol_error_rate(predictions: Sequence[str], references: Sequence[str]) -> float:
    """SER of **kern in percent, over `music_symbols`. Raises as `character_error_rate`."""
    return _error_rate(predictions, references, music_symbols)


def line_error_rate(predictions: Sequence[str], references: Sequence[str]) -> float:
    """LER in percent, over lines; a line is right or wrong. Raises as `character_error_rate`."""
    return _error_rate(predictions, references, lambda text: text.split("\n"))


def music_symbols(text: str) -> list[str]:
    """What SER counts: the parts between spaces, each line end and each tab."""
    return text.replace("\n", " <b> ").replace("\t", " <t> ").split()


def clean_kern(text: str) -> str:
    """**kern as SMT compares it: no "·" and no number on a bar line (`=12-` is `=-`)."""
    lines = text.replace("·", "").split("\n")
    return "\n".join("\t".join(map(_without_number, line.split("\t"))) for line in lines)


def _without_number(field: str) -> str:
    return "=" + field[1:].lstrip("0123456789") if field.startswith("=") else field


def _error_rate(
    predictions: Sequence[str], references: Sequence[str], parts: Callable[[str], list[Any]]
) -> float:
    need_pairs(predictions, references)
    distance = need("rapidfuzz.distance").Levenshtein.distance
    right = [parts(text) for text in references]
    # An empty text is no line, although splitting it gives one.
    right = [found if text else [] for text, found in zip(references, right, strict=True)]
    whole = sum(map(len, right))
    if not whole:
        raise UsageError("all references are empty: an error rate needs something to read")
    told = [parts(text) if text else [] for text in predictions]
    return float(100 * sum(map(distance, told, right)) / whole)
