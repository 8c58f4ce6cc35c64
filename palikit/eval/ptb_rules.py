"""The rules of the caption tokeniser: at a place, the rule that reaches furthest wins.

A rule is a pattern of a token and, after it, what must follow. How far a rule reaches counts what
must follow as well; of two that reach as far, the one that stands first wins. So `dog's` is `dog`
followed by `'s` (five characters) rather than the word `dog` (three), and `cannot` is the pair
`can` `not` rather than one word. What is between tokens, and what no rule knows, is dropped.

The behaviour is that of Stanford's PTBTokenizer 3.4.1, in the options that pycocoevalcap uses. Full
stops, commas and quotes that the metrics drop anyway are not told apart as finely as there.
"""

import re
from typing import NamedTuple

from .ptb_letters import LETTERS, SYMBOLS, WORD_LETTERS

__all__ = ["ABBREVIATED", "RULES", "Rule"]


class Rule(NamedTuple):
    """A pattern whose first group is the token; the rest of it is what must follow."""

    name: str
    pattern: re.Pattern[str]


# --- Characters ---------------------------------------------------------------------------------

BLANK = r"[ \t\xa0\u2000-\u200a\u3000]"
GAP = r"[ \t\xa0\u2000-\u200a\u3000\r\n\u2028\u2029\x0b\x0c\x85]"
ALNUM = rf"[{LETTERS}\d\u07c0-\u07c9]"
LETTER = rf"(?:[{WORD_LETTERS}]|&[aeiouAEIOU](?i:acute|grave|uml);)"
LETTER_OR_DIGIT = rf"(?:[{WORD_LETTERS}\d]|&[aeiouAEIOU](?i:acute|grave|uml);)"
HYPHEN = r"[-_\u058a\u2010\u2011]"
APOSTROPHE = r"(?:['\x92\u2019]|&(?i:apos);)"
ANY_APOSTROPHE = r"(?:['\x92\u2019`\x91\u2018\u201b]|&(?i:apos);)"
COMMA = r"[,;:\u3001]"
AMPERSAND = r"(?:&(?i:amp);|&)"
TAG = (
    r"<(?:[!?][A-Za-z\-][^>\r\n]*|/[A-Za-z][\w:.\-]*|[A-Za-z][\w:.\-]*"
    r"(?: +[A-Za-z][\w:.\-]*(?: *= *(?:'[^']*'|\"[^\"]*\"))?)* */?) *>"
)

# --- Words --------------------------------------------------------------------------------------

WORD = rf"{LETTER}{LETTER_OR_DIGIT}*(?:[.!?]{LETTER}{LETTER_OR_DIGIT}*)*"
SUFFIX = rf"{APOSTROPHE}(?:[msdMSD]|(?i:re|ve|ll))"
NOT = rf"[nN]{ANY_APOSTROPHE}[tT]"
ELIDED = rf"(?:[dDoOlL]{ANY_APOSTROPHE}{ALNUM})"
HYPHENATED = rf"{ELIDED}?{ALNUM}+(?:{HYPHEN}{ELIDED}?{ALNUM}+)*"
INITIALS = r"[A-Za-z](?:\.[A-Za-z])+"
US = r"(?i:(?:canada|sino|korean|eu|japan|non)-u\.s|u\.s\.-(?:u\.s\.s\.r|u\.k))"
ASCII_HYPHENATED = rf"[A-Za-z0-9][A-Za-z0-9.,\xad]*(?:-(?:(?:{US}|{INITIALS})\.|[A-Za-z0-9\xad]+))+"
SLASHED = r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}"
JOINED = r"[A-Z]+(?:(?:&(?i:amp);|[+&])[A-Z]+)+"
ENDINGS = (
    "bat bmp class cgi cpp c dll docx doc exe gif gz html htm h java jar jpeg jpg mov mp3 pdf php "
    "pl png ppt ps py sql tar txt wav xml x zip"
).split()
FILE = rf"{LETTER_OR_DIGIT}+(?:\.{LETTER_OR_DIGIT}+)*\.(?i:{'|'.join(ENDINGS)})"

# Words in which an apostrophe belongs to the word.
APOSTROPHE_WORDS = (
    rf"{APOSTROPHE}[nN]{APOSTROPHE}?",
    rf"[lLdDjJ]{APOSTROPHE}",
    rf"(?i:dunkin|somethin|ol){APOSTROPHE}",
    rf"{APOSTROPHE}(?i:em|till?|cause)",
    rf"[A-HJ-XZn]{ANY_APOSTROPHE}[{LETTERS}]{{2,}}",
    rf"{APOSTROPHE}[2-9]0[sS]",
    rf"[{LETTERS}]+[aeiouyAEIOUY]{ANY_APOSTROPHE}[aeiouA-Z][{LETTERS}]*",
    r"(?i:cont'd\.?|'twas|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l)",
    rf"[oO]{ANY_APOSTROPHE}[oO]",
)

# --- Abbreviations, which keep their full stop --------------------------------------------------

# What stands in upper case here is no abbreviation in lower case: those are common words.
ABBREVIATIONS = (
    "jan feb mar apr jun jul aug sept sep oct nov dec mon tues tue wed thurs thu fri "
    "ala ariz calif colo conn ct dak fla ga ind kans kan ky md mich minn mo mont neb nev okla penn "
    "tenn va vt wis wisc wyo Az Ark Del Ill La Mass Miss Ore Pa Tex Wash "
    "inc cos co corp ltd plc rt bancorp bhd assn univ intl sys tel est ext sq "
    "jr sr bros ed\\.d ph\\.d blvd rd esq etc al seq bldg"
).split()
TITLES = (
    "mr mrs ms drs dr profs prof sens sen reps rep attys atty lt col gen messrs govs gov adm rev "
    "maj sgt cpl pvt capt ste st ave pres lieut hon brig cmdr comdr pfc spc supts supt det mt ft "
    "adj adv asst assoc ens insp mlle mme msgr sfc vs alex wm jos cie a\\.k\\.a cf treas ph invt "
    "elec natl dept Miss"
).split()
ABBREVIATED = {word.lower() for word in [*ABBREVIATIONS, *TITLES]}
ABBREVIATED |= {"pty", "ptys", "pte", "ptes", "ppty", "pptys", "ppte", "pptes", "mtg", "mfg"}
PROPRIETARY = "(?i:pp?t)[ye](?i:s?)"
BEFORE_NUMBERS = "ca figs fig prop nos no art bldg pp op".split()

# After a single letter and a full stop, these words tell that a sentence ended.
STARTERS = (
    "About According Additionally After An A As At But Earlier He Her Here However If In It Last "
    "Many More Mr\\. Ms\\. Now Once One Other Our She Since So Some Such That The Their Then There "
    "These They This We When While What Yet You"
).split()

# --- Numbers ------------------------------------------------------------------------------------

DIGIT = r"[\d\u07c0-\u07c9]"
NUMBER = rf"[-+]?(?:{DIGIT}*(?:[.:,\xad\u066b\u066c]{DIGIT}+)+|{DIGIT}+)"
DATE = rf"{DIGIT}{{1,2}}[-/]{DIGIT}{{1,2}}[-/]{DIGIT}{{2,4}}"
FRACTION = rf"(?:{DIGIT}{{1,4}}[- \xa0])?{DIGIT}{{1,4}}(?:\\?/|\u2044){DIGIT}{{1,4}}"
SCRIPT_NUMBER = (
    r"[\u207a\u207b\u208a\u208b]?(?:[\u2070\xb9\xb2\xb3\u2074-\u2079]+|[\u2080-\u2089]+)"
)
PHONES = (
    r"(?:\([0-9]{2,3}\)[ \xa0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \xa0])?[0-9]{2,4}[- \xa0])"
    r"[0-9]{3,4}[- \xa0]?[0-9]{3,5}",
    r"(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}",
)

# --- Addresses ----------------------------------------------------------------------------------

URL = r"(?i:https?)://[^ \t\n\f\r\"<>|(){}]+[^ \t\n\f\r\"<>|.!?(){},\-]"
PATH = r"(?:/[^ \t\n\f\r\"<>|()]+[^ \t\n\f\r\"<>|.!?(){},\-])?"
WWW = r"(?i:www)\.(?:[^ \t\n\f\r\"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}" + PATH
# A host is in small letters and marks only: the reference's class runs from the comma to "_".
HOST = r"(?:[^ \t\n\f\r\"`'<>|.!?(){},-_$]+\.)+(?i:com|net|org|edu)" + PATH
MAIL_HOST = r"[^ \t\n\f\r\"<>|(){}.\xa0]+"
MAIL = (
    r"(?:&(?i:lt);|<)?[a-zA-Z0-9][^ \t\n\f\r\"<>|()\xa0{}]*@"
    rf"(?:{MAIL_HOST}\.)*{MAIL_HOST}(?:&(?i:gt);|>)?"
)

# --- Signs --------------------------------------------------------------------------------------

QUOTES = r"[`\u2018\u2019\u201a-\u201f\x91-\x94\u2039\u203a\xab\xbb]{1,2}"
SMILEY = r"[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]]"
FACE = r"[-^x=~<>']_[-^x=~<>']|\([-^x=~<>'][_.]?[-^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)"


def _one_of(words: list[str]) -> str:
    """Any of the words, in any case; a capital must be one."""
    return "|".join(
        word[0] + f"(?i:{word[1:]})" if word[0].isupper() else f"(?i:{word})" for word in words
    )


# Name, token, what must follow; the order decides between rules that reach as far.
TABLE = [
    ("letter language", r"(?i:c\+\+|[cf]\#)", ""),
    ("pair", r"(?i:can(?=not)|'t(?=was|is)|gon(?=na)|got(?=ta)|lem(?=me)|gim(?=me)|wan(?=na))",
     r"(?i:not|was|is|na|ta|me)"),
    ("tag", TAG, ""),
    ("dash", r"&(?:MD|mdash|ndash);|[\x96\x97\u2013-\u2015]", ""),
    ("ampersand", r"&(?i:amp);", ""),
    ("entity", r"&(?i:HT|TL|UR|LR|QC|QL|QR|odq|cdq|\#[0-9]+);", ""),
    ("word", WORD, SUFFIX),
    ("word", r"[A-Za-z\xad]*[A-MO-Za-mo-z]\xad*", NOT),
    ("word", WORD, ""),
    *(("apostrophe word", pattern, "") for pattern in APOSTROPHE_WORDS),
    ("apostrophe word", rf"[yY]{APOSTROPHE}", f"[{LETTERS}]"),
    ("url", URL, ""),
    ("url", WWW, ""),
    ("url", HOST, ""),
    ("mail", MAIL, ""),
    ("tag of people", rf"@[a-zA-Z_][a-zA-Z_0-9]*|\#{LETTER}+", ""),
    ("suffix", SUFFIX, "[^A-Za-z]"),
    ("suffix", NOT, "[^A-Za-z]"),
    ("date", DATE, ""),
    ("number", NUMBER, ""),
    ("script number", SCRIPT_NUMBER, ""),
    ("fraction", FRACTION, ""),
    ("fraction sign", r"[\xbc-\xbe\u2153-\u215e]", ""),
    ("bracket word", r"-(?i:RRB|LRB|RCB|LCB|RSB|LSB)-|(?i:C\.D\.s|pro-|anti-)", ""),
    ("bracket word", rf"(?i:S){AMPERSAND}(?i:P-500|Ls)", ""),
    ("bracket word", rf"(?i:cap){APOSTROPHE}[nN]|[cC]{APOSTROPHE}(?i:est)", ""),
    ("slashed", SLASHED, ""),
    ("currency", r"[A-Z]*\$|\#", ""),
    ("currency sign", r"[\x80\xa2-\xa5\u060b\u0e3f\u20a0\u20a4\u20ac\uffe0-\uffe6]", ""),
    ("letter", "[A-Za-z]", rf"\.{GAP}+(?:{_one_of(STARTERS)}|{TAG}){GAP}"),
    ("abbreviation", rf"(?:{_one_of(BEFORE_NUMBERS)})\.", rf"{GAP}?\d"),
    ("abbreviation", r"(?i:pt[ey])\.|(?i:pt)[EY]\.", rf"{BLANK}(?i:ltd|lim)"),
    ("abbreviation", rf"(?:{_one_of(ABBREVIATIONS)}|{PROPRIETARY})\.", r"(?:[\s\S]{2})?"),
    ("abbreviation", rf"(?:{_one_of(TITLES)}|[mM][ft][gG]|{US}|[A-Za-z](?:\.[A-Za-z])*)\.", ""),
    ("initials", US, GAP),
    ("year", rf"{APOSTROPHE}[0-9][0-9]", GAP),
    ("file", FILE, rf"(?:{GAP}|[.?!,])"),
    ("word with stop", rf"(?:{WORD})\.", COMMA),
    *(("phone", pattern, "") for pattern in PHONES),
    ("opening quote", r'"|&(?i:quot);', r"[A-Za-z0-9$]"),
    ("closing quote", r'"|&(?i:quot);', ""),
    ("less", r"<|&(?i:lt);", ""),
    ("greater", r">|&(?i:gt);", ""),
    ("face", SMILEY, r"[^A-Za-z0-9]"),
    ("face", FACE, ""),
    ("bracket", r"[(){}\[\]]", ""),
    ("hyphens", "-+", ""),
    ("ellipsis", r"(?:\.[ \xa0]){2,4}\.|\.{3,5}|[\x85\u2026]", ""),
    ("marks", r"@+|\#+|_+|\*+|(?:\\\*){1,3}", ""),
    ("stop", rf"{COMMA}|[?!]+|[.=/]", ""),
    ("hyphenated", rf"(?:{ASCII_HYPHENATED})\.", COMMA),
    ("hyphenated", ASCII_HYPHENATED, ""),
    ("hyphenated", rf"(?:{HYPHENATED})\.", COMMA),
    ("hyphenated", HYPHENATED, ""),
    ("joined", rf"(?:{JOINED})\.", COMMA),
    ("joined", JOINED, ""),
    ("opening quote", "'", r"[A-Za-z][^ \t\n\r\xa0]"),
    ("suffix", SUFFIX, ""),
    ("suffix", NOT, ""),
    ("quotes", rf"''|{QUOTES}|{APOSTROPHE}", ""),
    ("angles", "<<|>>", ""),
    ("symbol", rf"[+%&~^|\\{SYMBOLS}]", ""),
]  # fmt: skip


RULES = [
    Rule(name, re.compile(f"({token}){follows}" if follows else f"({token})"))
    for name, token, follows in TABLE
]
