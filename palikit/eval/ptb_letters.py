"""What the caption tokeniser takes for a letter and a symbol: measured, character by character.

Every character of the basic plane was put through the Java tokeniser, alone and inside words. What
it keeps together with letters is Unicode's letters and the marks below. Departure: its Unicode is
that of 2012, so it drops letters that are younger (Georgian capitals, some CJK); they are letters
here.
"""

import sys
import unicodedata
from itertools import groupby

__all__ = ["LETTERS", "SYMBOLS"]

# Vowel signs, points and spacing accents that the reference knows; first and last code point.
MARKS = (
    "AD 2C2-2C5 2D2-2DF 2E5-2EB 2ED 2EF-36F 375 378-379 384-385 3F6 483-487 55A-55F 591-5BD 5BF "
    "5C1-5C2 5C4-5C5 5C7 615-61A 64B-65E 670 6D6-6E4 6E7-6ED 6FD-6FE 70F 711 730-74C 7A6-7B0 "
    "7EB-7F3 900-903 93C 93E-94E 951-955 962-963 981-983 9BC 9BE-9C4 9C7-9C8 9CB-9CD 9D7 9E2-9E3 "
    "A01-A03 A3C A3E-A4F A81-A83 ABC ABE-ACF B82 BBE-BC2 BC6-BC8 BCA-BCD C01-C03 C3E-C56 D3E-D44 "
    "D46-D48 E31 E34-E3A E47-E4E EB1 EB4-EBC EC8-ECD 1885-1886"
)

# Signs that are tokens of their own, ASCII aside. What is in neither list is dropped, emoji too.
STANDING = (
    "A1 A5-AA AC AE-B1 B4 B6-B8 BA BF D7 F7 37E 387 589 5BE 5C0 5C3 5C6 5F3-5F4 600-603 606-60C "
    "614 61B 61E-61F 66A 66D 6D4 700-70D 7F6-7F8 964-965 E3F E4F 1FBD 2016-2017 2020-2023 "
    "2030-2038 203B 203E-2042 2044 207A-207E 208A-208E 20A4 2100-2101 2103-2106 2108-2109 2114 "
    "2116-2118 211E-2123 2125 2127 2129 212E 213A-213B 2140-2144 214A-214D 214F 2155-215E "
    "2190-2BFF 3001-3002 3012 30FB FF01-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF65 FFE0-FFE1 FFE5-FFE6"
)


def _class(ranges: str) -> str:
    """`5C1-5C2 5C7` as the inside of a character class."""
    ends = (span.partition("-") for span in ranges.split())
    return "".join(f"\\u{first:0>4}-\\u{last or first:0>4}" for first, _, last in ends)


def _letters() -> str:
    """All letters of the basic plane, as the inside of a character class."""
    plane = range(min(0x10000, sys.maxunicode))
    runs = groupby(plane, key=lambda code: unicodedata.category(chr(code))[0] == "L")
    spans = [list(run) for is_letter, run in runs if is_letter]
    return "".join(f"\\u{span[0]:04x}-\\u{span[-1]:04x}" for span in spans)


LETTERS = _letters()
"""The letters proper: what a hyphenated word is made of."""

WORD_LETTERS = LETTERS + _class(MARKS)
"""What a plain word is made of."""

SYMBOLS = _class(STANDING)
