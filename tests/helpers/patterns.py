"""Random regular expressions, and texts to try on them."""

import re

from hypothesis import strategies as st

LETTERS = [
    "a",
    "b",
    "B",
    "7",
    "-",
    " ",
    "/",
    '"',
    "\\",
    "{",
    "]",
    "é",
    "ſ",
    "K",
    "ß",
    "猫",
    "🐈",
    "\n",
]
CLASSES = [".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[a-d]", "[^a-y]", r"[\w-]", r"[^\s\d]"]
CLASSES += ["[]a]", "[A-F0-9]", r"[\u00e0-\u00ff]", r"\x41", "[^\n]"]
COUNTS = ["?", "*", "+", "{2}", "{1,2}", "{,2}", "*?", "{2,}?"]
FLAGS = ["(?:", "(?i:", "(?s:", "(?a:", "(?-i:", "("]

atoms = st.sampled_from([re.escape(letter) for letter in LETTERS] + CLASSES)


def _larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.builds(lambda flags, inner: f"{flags}{inner})", st.sampled_from(FLAGS), smaller)
    return st.one_of(
        st.lists(smaller, min_size=2, max_size=4).map("".join),
        st.lists(smaller, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.builds(lambda inner, count: f"(?:{inner}){count}", smaller, st.sampled_from(COUNTS)),
        groups,
    )


patterns = st.builds(
    lambda flags, body: flags + body,
    st.sampled_from(["", "", "(?i)", "(?s)", "(?a)"]),
    st.recursive(atoms, _larger, max_leaves=8),
)
"""Of every kind of syntax that is taken."""

texts = st.lists(st.sampled_from([*LETTERS, "A", "c", "9", "_", "\u0660", "İ", "ı"]), max_size=6)
"""Short ones, of letters that these patterns tell apart; as lists."""
