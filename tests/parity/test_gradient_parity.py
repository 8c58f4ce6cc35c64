"""One step of full fine-tuning has transformers' gradients, given the right labels and mask."""

import copy
from pathlib import Path

import pytest
import torch
from helpers.oracle import our_name, pair, their_question
from helpers.tiny import PAD_ID, random_images, random_prompt

import palikit
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor, Row
from palikit.inputs.tokenizer import Tokenizer
from palikit.train.loss import suffix_loss, weigh

PROMPTS = [random_prompt(5, 1), random_prompt(3, 2), random_prompt(7, 3)]
SUFFIXES = [[11, 40, 7, 1], [19, 1], [5, 5, 90, 33, 21, 1]]
IMAGES = random_images(3, 1, seed=4)


def our_batch():
    words = Tokenizer.from_folder(Path(palikit.__file__).parent / "assets/nano")
    assert words.pad_id == PAD_ID
    rows = [
        Row(IMAGES[i], prompt, suffix)
        for i, (prompt, suffix) in enumerate(zip(PROMPTS, SUFFIXES, strict=True))
    ]
    return Processor(words, Resize(28, "bicubic"), 16).collate(rows)


def our_gradients(model):
    batch = our_batch()
    hidden = model.forward_suffix(
        model.embed_image(batch.images), batch.tokens, batch.mask_input, batch.prefix_length
    )
    (weights,) = weigh([batch.mask_loss[:, batch.prefix_length :]], "token")
    loss, _ = suffix_loss(model.text, hidden, batch.suffix_tokens, weights, chunk=5)
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters()}


def their_gradients(model):
    question = their_question(IMAGES, PROMPTS, SUFFIXES)
    labels = question["input_ids"].masked_fill(question["token_type_ids"] == 0, -100)
    loss = model(**question, labels=labels).loss
    loss.backward()
    return loss.item(), dict(model.named_parameters())


def soften(ours, theirs):
    """Weights of the size that transformers draws them in, where gradients are below 1."""
    for model in (ours, theirs):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.3)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", ["paligemma1", "paligemma2", "paligemma2-27b"])
def test_gradients_equal_those_of_transformers(name, soft):
    ours, theirs = (copy.deepcopy(model) for model in pair(name))
    if soft:
        soften(ours, theirs)
    our_loss, gradients = our_gradients(ours.requires_grad_(True))
    their_loss, parameters = their_gradients(theirs.train())
    assert our_loss == pytest.approx(their_loss, abs=1e-5)
    seen = set()
    for key, parameter in parameters.items():
        if key == "lm_head.weight" or parameter.grad is None:
            continue
        mine = our_name(key, gemma2=ours.config.text.post_norms)
        seen.add(mine)
        # The sharp weights of these tests make gradients of up to 4, and roundings as much larger.
        largest = 1.0 if soft else max(1.0, parameter.grad.abs().max().item())
        assert (gradients[mine] - parameter.grad).abs().max() <= 1e-5 * largest, key
    assert seen == set(gradients)


def test_a_token_of_the_suffix_moves_no_earlier_state_and_no_earlier_gradient():
    model = copy.deepcopy(pair("paligemma2")[0])
    batch = our_batch()
    features = model.embed_image(batch.images)

    def states(tokens):
        return model.forward_suffix(features, tokens, batch.mask_input, batch.prefix_length)

    before = states(batch.tokens)
    changed = batch.tokens.clone()
    changed[:, batch.prefix_length + 2] = 77
    after = states(changed)
    assert torch.equal(after[:, :3], before[:, :3])  # states 0 to 2 predict tokens 0 to 2
    assert not torch.equal(after[0, 3], before[0, 3])
