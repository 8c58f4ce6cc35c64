"""Fixtures that several test folders share."""

import lzma
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tokenizers import AddedToken
from tokenizers import Tokenizer as BpeTokenizer

from palikit.inputs.tokenizer import Tokenizer

# A slow machine is no failure.
settings.register_profile("palikit", deadline=None)
settings.load_profile("palikit")

VOCABULARY = Path(__file__).parents[1].parent / "shared" / "data" / "gemma-tokenizer.json.xz"


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws without a seed of its own is the same in every run."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def plain_gemma_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the real Gemma `tokenizer.json`, without PaliGemma's tokens."""
    if not VOCABULARY.is_file():
        pytest.skip("needs the Gemma vocabulary, ../shared/data/gemma-tokenizer.json.xz")
    path = tmp_path_factory.mktemp("gemma") / "tokenizer.json"
    path.write_bytes(lzma.decompress(VOCABULARY.read_bytes()))
    return path


@pytest.fixture(scope="session")
def gemma_tokenizer(plain_gemma_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the real `tokenizer.json` with `<loc>`, `<seg>` and `<image>` as in PaliGemma."""
    bpe = BpeTokenizer.from_file(str(plain_gemma_tokenizer))
    bpe.add_tokens([f"<loc{i:04d}>" for i in range(1024)])
    bpe.add_tokens([f"<seg{i:03d}>" for i in range(128)])
    bpe.add_special_tokens([AddedToken("<image>", normalized=False, special=True)])
    path = tmp_path_factory.mktemp("paligemma") / "tokenizer.json"
    bpe.save(str(path))
    return path


@pytest.fixture(scope="session")
def gemma(gemma_tokenizer: Path) -> Tokenizer:
    """The real vocabulary, opened once."""
    return Tokenizer.from_file(gemma_tokenizer)
