"""A finding, and the table of all rules: how bad each is and what to do about it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["RULES", "Finding", "Rule", "Severity", "finding"]

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth to know.

    Attributes:
        severity: an error spoils training or stops it; a warning often is a mistake; a note is a
            fact.
        code: the name of the rule.
        place: the origin of the record, or the name of the dataset.
        message: what came, without a full stop.
        remedy: what to do.
    """

    severity: Severity
    code: str
    place: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What all findings of one code have in common."""

    severity: Severity
    remedy: str


def finding(code: str, place: str, message: str) -> Finding:
    """A finding with its rule's severity and remedy."""
    rule = RULES[code]
    return Finding(rule.severity, code, place, message, rule.remedy)


def _error(remedy: str) -> Rule:
    return Rule("error", remedy)


def _warning(remedy: str) -> Rule:
    return Rule("warning", remedy)


def _note(remedy: str) -> Rule:
    return Rule("note", remedy)


RULES: dict[str, Rule] = {
    # Records
    "record-broken": _error("mend the record in its file, or remove it"),
    "record-without-picture": _error("name the picture, or remove the record"),
    "record-empty": _warning("label the picture, or remove the record: nothing is learnt from it"),
    "record-duplicate": _warning("remove one of the two, or it counts double"),
    # Pictures
    "picture-missing": _error("check the path, or pass images=FOLDER after the source"),
    "picture-broken": _error("save the picture again as PNG or JPEG, or remove its records"),
    "picture-truncated": _error("copy or download the picture again"),
    "picture-blank": _warning("look whether it stands for a picture that could not be had"),
    "picture-duplicate": _warning("join the labels into one record, or remove one"),
    "picture-near-duplicate": _note("look whether both are needed"),
    "size-differs": _error("scale the labels to the picture, or put back the picture they tell of"),
    "size-turned": _error("label the picture as it is shown upright, or save it without EXIF turn"),
    # Boxes
    "box-not-finite": _error("write four numbers in pixels, or remove the box"),
    "box-inverted": _error("swap the corners, or check whether width and height came as x2 and y2"),
    "box-empty": _error("give the box a width and a height, or remove it"),
    "box-outside": _error("check that the box belongs to this picture, or remove it"),
    "box-over-edge": _warning("clip the box to the picture; training does it anyway"),
    "box-fractions": _error("multiply by width and height: boxes are in pixels"),
    "box-too-small": _warning(
        "remove the box, or cut the picture into parts: no answer can say it"
    ),
    "box-duplicate": _warning("remove one of the two"),
    "box-two-labels": _note("look whether one of the labels is a mistake"),
    # Outlines and masks
    "outline-corners": _error("give x and y of at least three corners, or remove the outline"),
    "outline-not-finite": _error("write numbers in pixels, or remove the outline"),
    "outline-empty": _error("draw the outline again, or remove it"),
    "shape-outside-box": _warning("draw the box around the shape"),
    "rle-size": _error("make the run lengths for the picture's size: [height, width]"),
    "rle-broken": _error("write the run lengths again, for example with pycocotools"),
    "mask-empty": _error("draw the mask, or remove it"),
    "masks-lossy": _warning(
        "sixteen codes cannot say such shapes: train on boxes, or on larger parts of them"
    ),
    "masks-ceiling": _note("no model that answers in codes can score more on these masks"),
    # Labels
    "label-empty": _error("name the thing, or remove it"),
    "label-characters": _error("write the label without ; < > and line breaks"),
    "label-undeclared": _error("add the class to the declared ones, or mend the label"),
    "label-variant": _warning("write the label in one way everywhere"),
    "label-typo": _warning("mend the label, or leave it where it is another word"),
    "class-unused": _warning("remove the class, or look where its labels went"),
    "class-imbalance": _note("weigh the data, or take more of the rare class"),
    # Words
    "prefix-empty": _warning("write what is asked, for example 'caption en'"),
    "prefix-tokens": _error("take the token out: palikit places images and bos itself"),
    "prefix-newline": _error("take the line break out: palikit ends every prefix with one"),
    "prefix-spaces": _warning("take the spaces out: they make other tokens"),
    "suffix-empty": _error("write the answer, or remove the record"),
    "suffix-tokens": _error("take the token out: palikit ends every answer itself"),
    "suffix-spaces": _warning("take the spaces and line breaks out: they make other tokens"),
    "suffix-regions": _error(
        "write <loc0000> to <loc1023> as y1 x1 y2 x2 with y1 < y2 and x1 < x2, then the label"
    ),
    "suffix-unasked": _warning("ask for it in the prefix, or take it out of the suffix"),
    "question-missing": _error("write the question, or remove the answers"),
    "answers-missing": _warning("write an answer, or leave the record out of training"),
    "answer-empty": _error("write the answer, or remove it"),
    "answer-long": _error("raise the limit, shorten the answer, or cut the picture into parts"),
    "answers-same": _warning("balance the answers, and compare every score with this share"),
    "answers-majority": _note("compare every score with this share"),
    "caption-empty": _error("write the caption, or remove it"),
    "text-broken": _error("write the file again as UTF-8"),
    "text-garbled": _warning("read the source with the encoding it was written in"),
    "lang-unknown": _error("write a code such as en or de"),
    # Splits
    "split-leak": _error("remove the picture from one of them, or scores will be too good"),
    "split-leak-near": _warning("look at both, and keep copies and frames of one film together"),
}
