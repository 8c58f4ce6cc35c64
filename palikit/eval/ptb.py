"""Words of a caption as pycocoevalcap sees them: the Penn Treebank tokeniser without Java.

    ptb_tokenize("A man's dog can't run.")       # ["a", "man", "'s", "dog", "ca", "n't", "run"]
    ptb_tokenize("Two (red) cups, 5€")          # ["two", "-lrb-", "red", "-rrb-", "cups", "5", "$"]

What Stanford's PTBTokenizer 3.4.1 gives with `-preserveLines -lowerCase`, less the punctuation that
pycocoevalcap drops. Its quirks are kept: round brackets stay (they are dropped as -LRB-, but arrive
as -lrb-), emoji vanish, `cannot` is two words, a euro is "$" and a pound "#", `1 1/2` is one token
with a no-break space inside, and the word that follows a letter and a full stop decides over it,
also where it is the first word of the next caption. Departures: a line end inside a caption is a
space; letters younger than 2012 are not dropped.
"""

import re
from collections.abc import Sequence

from .ptb_rules import ABBREVIATED, RULES

__all__ = ["ptb_tokenize", "ptb_tokenize_all"]

DROPPED = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}

LINE_ENDS = re.compile(r"[\r\n\x0b\x0c\u2028\u2029]")
# A full stop at the end is dropped in any case.
BETWEEN = re.compile(
    r"(?:\.(?=\n|$)|[\0 \t\xa0\u2000-\u200b\u200e\u200f\u3000\ufeff\x7f]|&(?i:nbsp);)+"
)

# Most words need no rules: letters up to a space, a comma, the end or a full stop at the end.
PLAIN = re.compile(r"([A-Za-z]+)(?= |\n|$|, |\.(?=\n|$))")
NOT_PLAIN = {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"}

APOSTROPHE = re.compile("&apos;", re.IGNORECASE)
AMPERSAND = re.compile("&amp;", re.IGNORECASE)

SPELLINGS = {
    "(": "-lrb-", ")": "-rrb-", "{": "-lcb-", "}": "-rcb-", "[": "-lsb-", "]": "-rsb-",
    "\xa2": "cents", "\xa3": "#", "\x80": "$", "\xa4": "$", "\u20a0": "$", "\u20ac": "$",
    "\xbc": "1/4", "\xbd": "1/2", "\xbe": "3/4", "\u2153": "1/3", "\u2154": "2/3",
}  # fmt: skip
FIXED = {"dash": "--", "ellipsis": "...", "opening quote": "``", "closing quote": "''"}
FIXED |= {"less": "<", "greater": ">"}
SINGLE = {"\x91": "`", "\u2018": "`", "\u201b": "`", "\u2039": "`"}
SINGLE |= {"\x92": "'", "\u2019": "'", "\u203a": "'"}
DOUBLE = {"\x93": "``", "\u201c": "``", "\xab": "``", "\x94": "''", "\u201d": "''", "\xbb": "''"}
QUOTES = str.maketrans(SINGLE | DOUBLE)


def ptb_tokenize(text: str) -> list[str]:
    """The tokens of one caption, in lower case; a caption of nothing but punctuation has none."""
    return _line(LINE_ENDS.sub(" ", text) + "\n", 0)[0]


def ptb_tokenize_all(texts: Sequence[str]) -> list[list[str]]:
    """The tokens of each caption, as if they stood one a line in one file, as the reference has it.

    It differs from `ptb_tokenize` of each where the next caption's first word decides: `plan B.` is
    `plan b.`, but `plan b` before a caption that begins with `The`.
    """
    page = "\n".join(LINE_ENDS.sub(" ", text) for text in texts)
    lines, start = [], 0
    for _ in texts:
        tokens, start = _line(page, start)
        lines.append(tokens)
    return lines


def _line(page: str, start: int) -> tuple[list[str], int]:
    """The tokens from `start` to the end of the line, and where the next line begins."""
    tokens: list[str] = []
    end = page.find("\n", start)
    end = len(page) if end < 0 else end
    while start < end:
        token, start = _next(page, start)
        if token and token not in DROPPED:
            tokens.append(token)
    return tokens, end + 1


def _next(page: str, start: int) -> tuple[str, int]:
    """The token at a place, "" where there is none, and the place after it."""
    if (plain := PLAIN.match(page, start)) and _is_plain(plain, page):
        return plain.group().lower(), plain.end()
    if blank := BETWEEN.match(page, start):
        return "", blank.end()
    name, token = _furthest(page, start)
    # A character that no rule knows is dropped.
    return _spell(name, token).lower(), start + max(len(token), 1)


def _is_plain(found: re.Match[str], page: str) -> bool:
    """Neither a pair such as `cannot` nor an abbreviation that would keep its full stop."""
    word = found.group().lower()
    stopped = page.startswith(".", found.end())
    return word not in NOT_PLAIN and not (stopped and (len(word) == 1 or word in ABBREVIATED))


def _furthest(page: str, start: int) -> tuple[str, str]:
    """The rule that reaches furthest and its token; of several, the first rule's."""
    reach, name, token = start, "", ""
    for rule in RULES:
        found = rule.pattern.match(page, start)
        if found and found.end() > reach:
            reach, name, token = found.end(), rule.name, found.group(1)
    return name, token


def _spell(name: str, token: str) -> str:
    """The token as the treebank writes it."""
    match name:
        case "word" | "word with stop" | "number" | "hyphenated":
            # Soft hyphens only mark where a line may end.
            return token.replace("\xad", "") or "-"
        case "suffix" | "quotes":
            return APOSTROPHE.sub("'", token).translate(QUOTES)
        case "face":
            return token.replace("(", "-lrb-").replace(")", "-rrb-")
        case "tag" | "fraction" | "phone":
            # A no-break space keeps the token whole; n-grams split it all the same.
            return token.replace(" ", "\xa0").replace("(", "-lrb-").replace(")", "-rrb-")
        case "ampersand" | "joined" | "bracket word":
            return AMPERSAND.sub("&", token)
        case "hyphens":
            return "--" if 3 <= len(token) <= 4 else token
        case "bracket" | "currency sign" | "fraction sign":
            return SPELLINGS.get(token, token)
        case _:
            return FIXED.get(name, token)
