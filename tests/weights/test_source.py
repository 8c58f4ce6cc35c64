"""What a user may call a checkpoint, and the sentence for each way it can fail."""

import huggingface_hub
import pytest
from huggingface_hub import errors

from palikit.errors import CheckpointError
from palikit.weights.source import find

HUB_ID = "google/paligemma2-3b-mix-448"


def test_nano_a_folder_and_an_npz_are_found(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pt.npz").touch()
    assert find("nano").path.name == "nano"
    assert find(tmp_path).kind == "folder"
    assert find(str(tmp_path / "pt.npz")).kind == "npz"


def test_a_folder_with_nothing_but_an_npz_is_that_npz(tmp_path):
    (tmp_path / "pt_3b_224.bf16.npz").touch()
    (tmp_path / "vae-oid.npz").touch()
    found = find(tmp_path)
    assert (found.kind, found.path.name) == ("npz", "pt_3b_224.bf16.npz")


def test_a_hub_id_with_a_revision_is_downloaded_without_pickles(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    asked = {}

    def download(repo, **options):
        asked.update(options, repo=repo)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    found = find(f"{HUB_ID}@bfloat16")
    assert (found.path, found.name) == (tmp_path, f"{HUB_ID}@bfloat16")
    assert (asked["repo"], asked["revision"]) == (HUB_ID, "bfloat16")
    assert not any(p.endswith((".bin", ".pt", "*", ".py")) for p in asked["allow_patterns"])


@pytest.mark.parametrize("name", ["", "nothing-here", "/no/such/folder", "a/b.npz", "a/b/c"])
def test_what_is_not_there_is_told_with_all_that_may_be_given(name):
    with pytest.raises(CheckpointError, match="give 'nano', a folder, an"):
        find(name)


def test_a_folder_without_config_and_another_file_are_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"without config\.json"):
        find(tmp_path)
    (tmp_path / "model.pt").touch()
    with pytest.raises(CheckpointError, match="neither a checkpoint folder"):
        find(tmp_path / "model.pt")


def hub_error(kind: type[Exception], message: str) -> Exception:
    # Their constructors want the answer of a server, of whichever HTTP library is in use.
    error = kind.__new__(kind, message)
    error.args = (message,)
    return error


class StrangeTransportError(Exception):
    """What an HTTP library raises, which is no OSError."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            hub_error(errors.GatedRepoError, "403"),
            "is gated: accept its licence .* 'hf auth login'",
        ),
        (hub_error(errors.RepositoryNotFoundError, "404"), "no model .* check the name"),
        (hub_error(errors.RevisionNotFoundError, "404"), "no revision 'old': leave out @old"),
        (hub_error(errors.LocalEntryNotFoundError, "offline"), "cannot be reached: go online"),
        (hub_error(errors.OfflineModeIsEnabled, "offline"), "cannot be reached: go online"),
        (hub_error(errors.HFValidationError, "bad"), "is no hub id"),
        (ConnectionResetError("reset"), "cannot be reached"),
        (StrangeTransportError("timed out.\nmore"), r"could not be downloaded \(timed out\): try"),
        (OSError(28, "No space left on device"), "No space left on device.*try again"),
        (hub_error(errors.HfHubHTTPError, "500 Server Error"), "500 Server Error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_trouble_with_the_hub_is_one_sentence_that_says_what_to_do(error, words, monkeypatch):
    def download(repo, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(CheckpointError, match=words) as caught:
        find(f"{HUB_ID}@old")
    assert HUB_ID in str(caught.value)
    assert "\n" not in str(caught.value)
