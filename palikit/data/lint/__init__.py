"""Checks of labels before a model is trained on them: one file a subject, one table of rules.

    findings = lint([read_dataset("coco:train.json"), read_dataset("coco:val.json")])
    findings[0].severity, findings[0].code, findings[0].place
    # ("error", "box-inverted", "train.json, image 17")

What can be found stands in `findings.RULES`. A new check is a function beside the others that
yields `finding(code, place, message)`, a row in that table, and a line in `run`.
"""

from .findings import RULES, Finding, Rule
from .run import lint

__all__ = ["RULES", "Finding", "Rule", "lint"]
