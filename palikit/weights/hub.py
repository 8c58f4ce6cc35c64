"""Downloads from the hub: where what was asked for lies on this machine, or what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from palikit.errors import PalikitError

__all__ = ["download"]


def download(
    repo: str,
    patterns: Sequence[str],
    fail: type[PalikitError],
    *,
    kind: Literal["model", "dataset"] = "model",
    revision: str | None = None,
) -> Path:
    """The folder with the files of `repo` that match `patterns`, from the cache where it has them.

    Raises:
        fail: gated, not there, out of reach, or whatever else went wrong, in one sentence.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        return Path(
            huggingface_hub.snapshot_download(
                repo, repo_type=kind, revision=revision, allow_patterns=list(patterns)
            )
        )
    except errors.GatedRepoError as error:
        raise fail(
            f"{repo} is gated: accept its licence on its page, run 'hf auth login', and try again"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise fail(
            f"{repo} has no revision {revision!r}: leave out @{revision}, or write another"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise fail(
            f"the hub has no {kind} {repo}, or it is private, and there is no such folder here: "
            "check the name, or run 'hf auth login'"
        ) from error
    except errors.HFValidationError as error:
        raise fail(f"{repo!r} is no hub id: write it like org/name") from error
    except (errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise fail(
            f"{repo} is not on this machine and the hub cannot be reached: go online, or download "
            "it elsewhere and give its folder"
        ) from error
    # Whatever else the hub's client lets through: its HTTP library has changed before.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0].rstrip(".")
        raise fail(
            f"{repo} could not be downloaded ({reason}): try again, or download it elsewhere and "
            "give its folder"
        ) from error
