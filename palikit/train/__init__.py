"""Training: one loop over batches that are pure functions of the step."""

from .config import OptimConfig, TrainConfig, Validation
from .loop import train

__all__ = ["OptimConfig", "TrainConfig", "Validation", "train"]
