"""Metrics: pure functions on predictions and references, each imported when it is first named."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bootstrap import bootstrap_interval, mcnemar, paired_bootstrap
    from .calibration import calibration_bins, expected_calibration_error
    from .detection import box_accuracy, detection_ap
    from .segmentation import mask_answers, referring_iou
    from .spotting import spotting_scores
    from .tables import grits, grits_scores, teds

__all__ = [
    "bootstrap_interval",
    "box_accuracy",
    "calibration_bins",
    "detection_ap",
    "expected_calibration_error",
    "grits",
    "grits_scores",
    "mask_answers",
    "mcnemar",
    "paired_bootstrap",
    "referring_iou",
    "spotting_scores",
    "teds",
]

_HOMES = {
    "bootstrap": ("bootstrap_interval", "mcnemar", "paired_bootstrap"),
    "calibration": ("calibration_bins", "expected_calibration_error"),
    "detection": ("box_accuracy", "detection_ap"),
    "segmentation": ("mask_answers", "referring_iou"),
    "spotting": ("spotting_scores",),
    "tables": ("grits", "grits_scores", "teds"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"palikit.eval has no {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
