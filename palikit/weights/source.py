"""From what a user calls a checkpoint to files on this machine, or the sentence that says what to do."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from palikit.errors import CheckpointError

__all__ = ["Source", "find"]

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
_WANTED = ["*.safetensors", "*.json", "tokenizer.model", "*.npz"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint lies.

    Attributes:
        kind: `folder` in Hugging Face's layout, or big_vision's `npz`.
        path: of the folder or file.
        name: what the user called it, for errors.
    """

    kind: Literal["folder", "npz"]
    path: Path
    name: str

    def file(self, name: str) -> Path | None:
        """A file beside the weights, where there is one."""
        folder = self.path if self.kind == "folder" else self.path.parent
        return folder / name if (folder / name).is_file() else None


def find(source: str | Path) -> Source:
    """A folder, a `.npz`, `nano`, or a hub id such as `google/paligemma2-3b-mix-448` (`@revision` after it).

    Raises:
        CheckpointError: there is no such thing, or it may not be downloaded; the message says what to do.
    """
    name = str(source)
    if name == "nano":
        return Source("folder", Path(str(files("palikit.assets") / "nano")), name)
    path = Path(source).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise CheckpointError(
                f"{name} is a folder without config.json: give the folder of a PaliGemma checkpoint"
            )
        return Source("folder", path, name)
    if path.is_file():
        if path.suffix != ".npz":
            raise CheckpointError(
                f"{name} is neither a checkpoint folder nor an .npz file: give one of those"
            )
        return Source("npz", path, name)
    hub = _HUB_ID.fullmatch(name)
    if hub is None or path.suffix == ".npz":
        raise CheckpointError(
            f"there is no checkpoint at {name}: give 'nano', a folder, an .npz file, "
            "or a hub id such as google/paligemma2-3b-mix-448"
        )
    return Source("folder", _download(hub["repo"], hub["revision"]), name)


def _download(repo: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=_WANTED))
    except GatedRepoError as error:
        raise CheckpointError(
            f"{repo} is gated: accept its licence on the model's page, run 'hf auth login', and try again"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{repo} has no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"the hub has no model {repo}, or it is private: check the name, or run 'hf auth login'"
        ) from error
    except (LocalEntryNotFoundError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{repo} is not on this machine and the hub cannot be reached: "
            "download it elsewhere and pass its folder"
        ) from error
