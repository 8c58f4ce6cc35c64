"""The layout of examples and batches, all from lengths."""

import pickle

import pytest
import torch
from tokenizers import AddedToken, normalizers
from tokenizers import Tokenizer as BpeTokenizer
from tokenizers.models import BPE

from palikit.errors import UsageError
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor, Row
from palikit.inputs.tokenizer import Tokenizer

PIECES = ["<pad>", "<eos>", "<bos>", "\n", "\n\n", "▁", "a", "b", "\t"]


def tiny_processor() -> Processor:
    pieces = [*PIECES, *(f"<0x{i:02X}>" for i in range(256))]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    bpe = BpeTokenizer(BPE(vocab=vocab, merges=[], byte_fallback=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.add_special_tokens(PIECES[:3])
    bpe.add_tokens([AddedToken("\n\n", normalized=False)])
    return Processor(Tokenizer(bpe), Resize(8), tokens_per_image=4)


PROCESSOR = tiny_processor()
PAD, EOS, BOS, NEWLINE, TWO, SPACE, A, B = range(8)
LOC = PROCESSOR.tokenizer.loc_start


def test_prefix_is_bos_words_and_a_newline_of_its_own() -> None:
    assert PROCESSOR.prefix_ids("a b") == [BOS, A, SPACE, B, NEWLINE]
    assert PROCESSOR.prefix_ids("") == [BOS, NEWLINE]
    # The vocabulary would merge the user's newline with ours.
    assert PROCESSOR.prefix_ids("a\n") == [BOS, A, NEWLINE, NEWLINE]
    assert PROCESSOR.prefix_ids("a\n\n") == [BOS, A, TWO, NEWLINE]


def test_codes_in_a_prefix_are_words_unless_we_wrote_them() -> None:
    assert LOC + 7 not in PROCESSOR.prefix_ids("<loc0007>")
    assert PROCESSOR.prefix_ids("<loc0007>", codes=True) == [BOS, LOC + 7, NEWLINE]


def test_suffix_is_words_and_codes_and_eos() -> None:
    assert PROCESSOR.suffix_ids("<loc0007>a") == [LOC + 7, A, EOS]
    assert PROCESSOR.suffix_ids("") == [EOS]


def test_a_smuggled_eos_in_a_suffix_does_not_end_it() -> None:
    ids = PROCESSOR.suffix_ids("a<eos>b")
    assert ids.count(EOS) == 1
    assert ids[-1] == EOS


def test_batch_has_both_blocks_padded_outwards_with_masks_from_lengths() -> None:
    batch = PROCESSOR.collate(
        [Row(None, [BOS, A, NEWLINE], [B, EOS]), Row(None, [BOS, NEWLINE], [A, B, A, EOS])]
    )
    assert batch.prefix_length == 3
    assert batch.images is None
    assert batch.tokens.tolist() == [
        [BOS, A, NEWLINE, B, EOS, PAD, PAD],
        [PAD, BOS, NEWLINE, A, B, A, EOS],
    ]
    real = [[1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1]]
    assert batch.mask_input.tolist() == [[bool(x) for x in row] for row in real]
    assert batch.mask_ar.tolist() == [[0, 0, 0, 1, 1, 1, 1]] * 2
    assert batch.mask_loss.tolist() == [[0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 1]]
    assert batch.tokens.dtype == batch.mask_ar.dtype == torch.int64
    assert batch.mask_loss.dtype == torch.float32


def test_blocks_of_a_batch_are_views_by_name() -> None:
    batch = PROCESSOR.collate([Row(None, [BOS, A, NEWLINE], [B, EOS])])
    assert torch.cat([batch.prefix_tokens, batch.suffix_tokens], 1).equal(batch.tokens)
    assert torch.cat([batch.prefix_mask, batch.suffix_mask], 1).equal(batch.mask_input)
    assert batch.suffix_tokens.tolist() == [[B, EOS]]


def test_rows_without_suffix_make_a_batch_to_decode() -> None:
    batch = PROCESSOR.collate([Row(None, [BOS, A, NEWLINE]), Row(None, [BOS, NEWLINE])])
    assert batch.tokens.shape == (2, 3)
    assert batch.suffix_tokens.shape == (2, 0)
    assert batch.mask_loss.sum() == 0


def test_pictures_stack_in_the_order_of_rows_and_move_with_the_batch() -> None:
    rows = [Row(torch.full((2, 3, 8, 8), float(i)), [BOS, NEWLINE]) for i in range(3)]
    batch = PROCESSOR.collate(rows)
    assert batch.images is not None
    assert batch.images.shape == (3, 2, 3, 8, 8)
    assert batch.images[:, 0, 0, 0, 0].tolist() == [0, 1, 2]
    moved = batch.to("meta")
    tensors = [moved.images, moved.tokens, moved.mask_input, moved.mask_ar, moved.mask_loss]
    assert all(t is not None and t.device.type == "meta" for t in tensors)
    assert moved.prefix_length == batch.prefix_length


def test_rows_of_different_picture_counts_and_no_rows_are_refused() -> None:
    one, two = torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    for first, second in [(one, two), (one, None)]:
        with pytest.raises(UsageError, match="mixes examples"):
            PROCESSOR.collate([Row(first, [BOS]), Row(second, [BOS])])
    with pytest.raises(UsageError, match="at least one"):
        PROCESSOR.collate([])


def test_long_prompts_are_never_cut() -> None:
    ids = PROCESSOR.prefix_ids("a" * 5000)
    assert len(ids) == 5002
    batch = PROCESSOR.collate([Row(None, ids), Row(None, [BOS, NEWLINE])])
    assert batch.prefix_length == 5002
    assert batch.tokens[0].tolist() == ids


def test_explain_prints_every_position_once() -> None:
    assert PROCESSOR.explain("a\t", "<loc0007>b", num_images=2).splitlines() == [
        "   position       id  piece             block   attention  loss",
        "        0-3           <image> x 4       image   full       -",
        "        4-7           <image> x 4       image   full       -",
        "          8        2  <bos>             prefix  full       -",
        "          9        6  a                 prefix  full       -",
        "         10        8  \\t                prefix  full       -",
        "         11        3  \\n                prefix  full       -",
        f"         12  {LOC + 7:>7}  <loc0007>         suffix  causal     1",
        "         13        7  b                 suffix  causal     1",
        "         14        1  <eos>             suffix  causal     1",
        "15 positions: 8 image + 4 prefix + 3 suffix",
    ]


def test_explain_without_suffix_or_picture_stops_at_the_newline() -> None:
    lines = PROCESSOR.explain("a", num_images=0).splitlines()
    assert len(lines) == 5
    assert lines[-2].split() == ["2", "3", "\\n", "prefix", "full", "-"]
    assert lines[-1] == "3 positions: 0 image + 3 prefix + 0 suffix"


def test_explain_shows_the_released_layout(gemma: Tokenizer) -> None:
    processor = Processor(gemma, Resize(224), 256)
    lines = processor.explain("detect cat", "<loc0010> cat").splitlines()
    assert lines[1].split() == ["0-255", "<image>", "x", "256", "image", "full", "-"]
    ids = [line.split()[1] for line in lines[2:-1]]
    assert ids == ["2", "39208", "4401", "108", "256010", "4401", "1"]


def test_a_processor_travels_to_worker_processes() -> None:
    again = pickle.loads(pickle.dumps(PROCESSOR))
    assert again.explain("a b") == PROCESSOR.explain("a b")
