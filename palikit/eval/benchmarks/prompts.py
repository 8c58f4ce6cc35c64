"""How the reference's transfer configs spell what they ask.

question("what is this?")                  # "answer en what is this?"
multiple_choice("Which?", ("a", "b"))      # "answer en  Which? choose from: a \\t b"

Source: big_vision `configs/proj/paligemma/transfers`.
"""

from collections.abc import Sequence

__all__ = ["LETTERS", "caption", "lettered_choice", "multiple_choice", "question"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def question(words: str) -> str:
    """A question that is answered in English, whatever language it is in."""
    return f"answer en {words}"


def caption(language: str = "en") -> str:
    """A caption in a language, by its code."""
    return f"caption {language}"


def multiple_choice(words: str, options: Sequence[str]) -> str:
    """A-OKVQA and AI2D: two spaces after "en", options parted by a tab between spaces."""
    listed = " \t ".join(options)
    return f"answer en  {words} choose from: {listed}"


def lettered_choice(words: str, hint: str, options: Sequence[str]) -> str:
    """ScienceQA: options by letter, and "N/A" where there is no hint."""
    lettered = ", ".join(f"({LETTERS[i]}) {option}" for i, option in enumerate(options))
    return f"Question: {words}\nContext: {hint or 'N/A'}\nOptions: {lettered}\nAnswer:"
