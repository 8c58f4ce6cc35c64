"""Metrics: pure functions on predictions and references.

    from palikit.eval import anls, cider, teds

A family of metrics is one file, imported when one of its names is first used, so that no metric
waits for a package that another one needs. A new metric is a function there and its name here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bootstrap import bootstrap_interval as bootstrap_interval
    from .calibration import expected_calibration_error as expected_calibration_error
    from .caption import bleu as bleu
    from .caption import cider as cider
    from .caption import rouge_l as rouge_l
    from .detection import box_accuracy as box_accuracy
    from .detection import detection_ap as detection_ap
    from .edit_similarity import anls as anls
    from .entailment import nes as nes
    from .grouped import paired_accuracy as paired_accuracy
    from .grouped import pope_scores as pope_scores
    from .grouped import rsvqa_scores as rsvqa_scores
    from .grouped import tally_scores as tally_scores
    from .matching import any_match as any_match
    from .matching import choice_letter as choice_letter
    from .matching import choice_match as choice_match
    from .matching import count_match as count_match
    from .matching import exact_match as exact_match
    from .matching import number_word as number_word
    from .matching import soft_match as soft_match
    from .ptb import ptb_tokenize as ptb_tokenize
    from .radiology import radgraph_f1 as radgraph_f1
    from .relaxed import relaxed_accuracy as relaxed_accuracy
    from .scene_captions import object_f1 as object_f1
    from .segmentation import referring_iou as referring_iou
    from .sequences import character_error_rate as character_error_rate
    from .sequences import line_error_rate as line_error_rate
    from .sequences import symbol_error_rate as symbol_error_rate
    from .sequences import word_error_rate as word_error_rate
    from .smiles import canonical_smiles as canonical_smiles
    from .smiles import smiles_match as smiles_match
    from .spotting import spotting_scores as spotting_scores
    from .tables import grits as grits
    from .tables import teds as teds
    from .vqa import normalize_answer as normalize_answer
    from .vqa import vqa_accuracy as vqa_accuracy

# One row a file; its names also stand above, for the type checker.
_NAMES = {
    "edit_similarity": "anls",
    "bootstrap": "bootstrap_interval",
    "calibration": "expected_calibration_error",
    "caption": "bleu cider rouge_l",
    "detection": "box_accuracy detection_ap",
    "entailment": "nes",
    "grouped": "paired_accuracy pope_scores rsvqa_scores tally_scores",
    "matching": (
        "any_match choice_letter choice_match count_match exact_match number_word soft_match"
    ),
    "ptb": "ptb_tokenize",
    "radiology": "radgraph_f1",
    "relaxed": "relaxed_accuracy",
    "scene_captions": "object_f1",
    "segmentation": "referring_iou",
    "sequences": "character_error_rate line_error_rate symbol_error_rate word_error_rate",
    "smiles": "canonical_smiles smiles_match",
    "spotting": "spotting_scores",
    "tables": "grits teds",
    "vqa": "normalize_answer vqa_accuracy",
}
_HOME_OF = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"palikit.eval has no metric {name!r}; see palikit.eval.__all__")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
