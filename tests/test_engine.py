"""The join: pictures and tasks in, typed answers out, whatever the batch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import TINY, randomise
from PIL import Image

import palikit as pk
from palikit.codecs.calibration import Calibration
from palikit.codecs.masks import MaskCodec
from palikit.data.emoji_world import scene
from palikit.decode.slots import Slots, Told
from palikit.engine import Engine
from palikit.errors import CodecError, TokenizerError, UsageError
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor
from palikit.inputs.tokenizer import Tokenizer
from palikit.weights.save import save_folder

NANO = Path(pk.__file__).parent / "assets" / "nano"
LIMIT = pk.Decoding(max_new_tokens=12)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(NANO)


@pytest.fixture(scope="module")
def engine(tokenizer: Tokenizer) -> Engine:
    """Random weights: the answers are nonsense, and the same nonsense every time."""
    config = TINY["paligemma2"]
    config = replace(config, text=replace(config.text, vocab_size=tokenizer.vocab_size))
    model = pk.PaliGemma(config).requires_grad_(False)
    randomise(model, 0)
    torch.manual_seed(0)
    processor = Processor(tokenizer, Resize(28), config.tokens_per_image)
    return Engine(model, processor, MaskCodec().eval())


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    return Image.fromarray(pixels)


def answer_with(monkeypatch: pytest.MonkeyPatch, tokenizer: Tokenizer, said: str) -> list[int]:
    """Let the model say this, each token less likely than the one before."""
    ids = [*tokenizer.encode(said, codes=True), tokenizer.eos_id]
    logprobs = tuple(-0.1 * i for i in range(len(ids)))

    def step(slots: Slots) -> list[Told]:
        told = [Told(row.ticket, tuple(ids), logprobs, "eos") for row in slots._waiting]
        slots.close()
        return told

    monkeypatch.setattr(Slots, "step", step)
    return ids


def test_mixed_requests_equal_single_ones(engine: Engine, picture: Image.Image) -> None:
    other = picture.rotate(90, expand=True)
    requests = [
        (picture, pk.Caption()),
        (other, pk.Detect(["cat", "dog"])),
        ([picture, other], pk.Answer("how many cats are there in all?")),
        (picture, pk.Ocr()),
        (other, pk.Ask("what?")),
    ]
    together = engine.run(requests, decoding=LIMIT, batch_size=4)
    for request, answer in zip(requests, together, strict=True):
        (alone,) = engine.run([request], decoding=LIMIT)
        assert type(alone) is type(answer)
        assert alone.text == answer.text
        assert alone.score == pytest.approx(answer.score, abs=1e-4)


def test_sampled_batches_equal_single_ones(engine: Engine, picture: Image.Image) -> None:
    decoding = replace(LIMIT, sampler=pk.TopP(0.95, 1.5), seed=3)
    requests = [(picture, pk.Caption()), (picture, pk.Answer("is there an elephant?"))]
    together = engine.run(requests, decoding=decoding)
    assert [engine.run([r], decoding=decoding)[0].text for r in requests] == [
        a.text for a in together
    ]


def test_a_seen_picture_is_accepted_wherever_a_picture_is(
    engine: Engine, picture: Image.Image
) -> None:
    seen = engine.look(picture)
    assert seen.features.shape == (1, 16, 48)
    assert seen.size == (80, 60)
    assert engine.look(seen) is seen
    task = pk.Detect("cat")
    assert engine.run([(seen, task)], decoding=LIMIT) == engine.run(
        [(picture, task)], decoding=LIMIT
    )


def test_path_bytes_array_and_pil_are_one_picture(
    engine: Engine, picture: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "p.png"
    picture.save(path)
    forms = [picture, path, str(path), path.read_bytes(), np.asarray(picture)]
    features = [engine.look(form).features for form in forms]
    assert all(torch.equal(features[0], other) for other in features)


def test_streamed_pieces_join_to_the_answer(engine: Engine, picture: Image.Image) -> None:
    (answer,) = engine.run([(picture, pk.Caption())], decoding=LIMIT)
    pieces = list(engine.stream(picture, pk.Caption(), decoding=LIMIT))
    assert "".join(pieces) == answer.text
    assert len(pieces) > 1


def test_a_beam_search_cannot_be_streamed(engine: Engine, picture: Image.Image) -> None:
    with pytest.raises(UsageError, match="use run"):
        list(engine.stream(picture, pk.Caption(), decoding=pk.Decoding(beam_size=2)))


def test_beam_search_runs_in_batches(engine: Engine, picture: Image.Image) -> None:
    decoding = pk.Decoding(beam_size=2, max_new_tokens=5)
    requests = [(picture, pk.Caption()), (picture, pk.Answer("how many?"))]
    together = engine.run(requests, decoding=decoding)
    alone = [engine.run([r], decoding=decoding)[0] for r in requests]
    assert [a.text for a in together] == [a.text for a in alone]


def test_detections_are_in_pixels_with_scores(
    engine: Engine, picture: Image.Image, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, tokenizer, "<loc0000><loc0000><loc1023><loc0511> cat ; what")
    found = engine.detect(picture, ["cat"])
    (region,) = found
    assert region.label == "cat"
    assert region.box.xyxy == pytest.approx((0, 0, 80 * 511 / 1023, 60))
    # Locs have log-probabilities 0, -.1, -.2, -.3 (mean -.15), the label -.4.
    assert region.score == pytest.approx(np.exp((-0.15 - 0.4) / 2))
    assert found.unparsed.strip() == "what"
    assert found.size == (80, 60)


def test_segments_have_masks_of_the_picture(
    engine: Engine, picture: Image.Image, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = "".join(f"<seg{i:03d}>" for i in range(16))
    answer_with(monkeypatch, tokenizer, f"<loc0256><loc0256><loc0768><loc0768>{codes} cat")
    (region,) = engine.segment(picture, "cat")
    assert region.codes == tuple(range(16))
    assert region.mask is not None
    assert region.mask.shape == (60, 80)
    inside = np.zeros((60, 80), bool)
    inside[15:45, 20:60] = True
    assert not region.mask[~inside].any()


def test_masks_need_a_codec(
    engine: Engine, picture: Image.Image, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Engine(engine.model, engine.processor)
    answer_with(monkeypatch, tokenizer, "<loc0000><loc0000><loc0100><loc0100>" + "<seg001>" * 16)
    with pytest.raises(CodecError, match="mask_codec"):
        bare.segment(picture, "cat")


def test_a_caption_of_a_region_knows_its_picture(engine: Engine, picture: Image.Image) -> None:
    task = pk.Caption(region=pk.Box(0.0, 0.0, 40.0, 30.0))
    (answer,) = engine.run([(picture, task)], decoding=LIMIT)
    assert isinstance(answer, pk.Text)


def test_every_verb_answers(engine: Engine, picture: Image.Image) -> None:
    few = pk.Decoding(max_new_tokens=2)
    said = [
        engine.caption(picture, decoding=few),
        engine.describe(picture, decoding=few),
        engine.ocr(picture, decoding=few),
        engine.answer(picture, "what?", decoding=few),
        engine.question(picture, "two", decoding=few),
        engine.ask(picture, "anything", decoding=few),
    ]
    assert all(isinstance(one, pk.Text) and len(one.logprobs) <= 2 for one in said)


def test_wrong_requests_are_told(engine: Engine, picture: Image.Image) -> None:
    assert engine.run([]) == []
    with pytest.raises(UsageError, match="batch_size"):
        engine.run([(picture, pk.Caption())], batch_size=0)
    with pytest.raises(UsageError, match="no picture"):
        engine.run([([], pk.Caption())])


def test_a_saved_folder_loads_as_the_engine_it_was(
    engine: Engine, picture: Image.Image, tmp_path: Path
) -> None:
    save_folder(engine.model, tmp_path / "m", tokenizer=engine.processor.tokenizer)
    assert engine.mask_codec is not None
    engine.mask_codec.save(tmp_path / "m" / "mask_codec.safetensors")
    again = pk.load(tmp_path / "m")
    assert again.mask_codec is not None
    (read,) = again.run([(picture, pk.Caption())], decoding=LIMIT)
    (written,) = engine.run([(picture, pk.Caption())], decoding=LIMIT)
    assert isinstance(read, pk.Text)
    assert isinstance(written, pk.Text)
    assert read.text == written.text
    # Weights in a mapped file begin at other addresses, and kernels add in another order there.
    assert read.logprobs == pytest.approx(written.logprobs, abs=1e-5)


def test_a_checkpoint_without_its_tokenizer_is_told(engine: Engine, tmp_path: Path) -> None:
    save_folder(engine.model, tmp_path / "m")
    with pytest.raises(TokenizerError, match="tokenizer="):
        pk.load(tmp_path / "m")
    loaded = pk.load(tmp_path / "m", tokenizer=NANO / "tokenizer.json")
    assert loaded.mask_codec is None


def test_a_vocabulary_of_another_model_is_told(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = pk.PaliGemma(TINY["paligemma1"])
    save_folder(model, tmp_path / "m", tokenizer=tokenizer)
    with pytest.raises(TokenizerError, match="needs 2070 rows"):
        pk.load(tmp_path / "m")


def test_a_calibration_changes_scores_and_nothing_else(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"regions": {"temperature": 0.5, "shift": 3}, "text": {"knots": [[0, 0.25]]}}')
    image = scene(77, 0).image
    plain, told = pk.load("nano"), pk.load("nano", calibration=path)
    labels = sorted({thing.key for thing in scene(77, 0).objects})
    before, after = plain.detect(image, labels), told.detect(image, labels)
    curve = Calibration.load(path).regions
    assert [r.score for r in after] == [curve(r.score) for r in before]
    assert [r.box for r in after] == [r.box for r in before]
    assert told.caption(image).score == 0.25
    assert told.caption(image).text == plain.caption(image).text
