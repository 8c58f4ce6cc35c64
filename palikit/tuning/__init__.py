"""Fine-tuning, put together: labels, model, training loop and metrics become one run."""

from .config import FineTune, Method
from .run import fine_tune

__all__ = ["FineTune", "Method", "fine_tune"]
