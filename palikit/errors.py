"""Every exception that palikit raises on purpose, and the exit code the command line gives it.

    PalikitError                 exit 1: it was asked for rightly and could not be done
    ├── ImageError               a picture that is missing, broken, empty or too large
    ├── TokenizerError           a vocabulary that is missing or lacks PaliGemma's tokens
    ├── CheckpointError          weights that are missing, gated, mis-shaped or not finite
    ├── CodecError               a mask codec file of another layout
    ├── DataError                labels that are missing, broken or contradict themselves
    ├── MissingExtraError        an optional package that is not installed
    └── UsageError (ValueError)  exit 2: the request is wrong; the message says what to write

A message is one sentence: what came, what was expected, what to type.
"""

from typing import ClassVar


class PalikitError(Exception):
    """Base of all errors that a user can cause or mend."""

    exit_code: ClassVar[int] = 1


class ImageError(PalikitError):
    """A picture could not be read."""


class TokenizerError(PalikitError):
    """A tokenizer file is missing, unreadable or lacks tokens that PaliGemma needs."""


class CheckpointError(PalikitError):
    """Weights or their configuration are missing, incomplete, mis-shaped or not finite."""


class CodecError(PalikitError):
    """A mask codec file does not hold the parameters of the PaliGemma mask VQ-VAE."""


class DataError(PalikitError):
    """Labels are missing, broken or contradict themselves; the message names file and line."""


class MissingExtraError(PalikitError):
    """An optional package is needed for this call; the message names the install command."""


class UsageError(PalikitError, ValueError):
    """The request is wrong: an unknown task, an empty prompt, an argument out of range."""

    exit_code: ClassVar[int] = 2
