"""A training step and an answer played through without numbers, to see what memory they take.

The model's own code runs, with adapters, packing and recomputation as they will be, on tensors that
have a size and a type and no contents (those of the device `meta`). So what autograd keeps of each
operation is counted and not estimated, and stays right when the code changes.

A model of two blocks is played, and of three: what a block adds is the difference, the same for
each that follows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor, nn

from palikit.config import PaliGemmaConfig
from palikit.inputs.batch import Batch
from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, quantize_model, speed_up_bfloat16
from palikit.train.loss import Targets
from palikit.weights.places import parse_dtype

from .batches import TuningBatch
from .building import prepare, sees_vision
from .config import Method
from .kernels import EmptyBytes, Kernels
from .objective import Objective
from .tracking import KINDS, LiveBytes, Parts

__all__ = ["Stages", "Workload", "play_answer", "play_step", "tower_learns"]

Stages = dict[str, Parts]
"""What is in memory at the fullest moment of each stage, in the order of time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """A fine-tuning step, as far as its memory depends on it.

    Attributes:
        batch: examples in a part of the step, those that are in memory at once.
        parts: of a step; two or more keep gradients from one to the next (`accumulate`).
        text: tokens of prefix and suffix together, the longest of the batch.
        dtype: of the weights that do not learn, and of all where `full` trains.
        precision: `bfloat16` multiplies in it and keeps weights as `dtype` says.
        pictures: whether the vision tower runs; False where its output was computed before.
        device: `cuda`, or `cpu`, where products of bfloat16 weights are palikit's own.
    """

    method: Method = field(default_factory=Method)
    batch: int = 1
    parts: int = 1
    text: int = 128
    dtype: str = "bfloat16"
    precision: Literal["float32", "bfloat16"] = "float32"
    pictures: bool = True
    device: Literal["cuda", "cpu"] = "cuda"


@lru_cache(maxsize=64)
def play_step(config: PaliGemmaConfig, work: Workload) -> Stages:
    """A whole step: forward, backward, update of the weights; its moments are there already.

    Raises:
        UsageError: nothing would learn.
    """
    if _names_blocks(work.method):
        return _step(config, work)
    learns = tower_learns(config, work.method)
    return _deepen(config, lambda shallow: _step(shallow, work), learns)


def play_answer(
    config: PaliGemmaConfig, work: Workload, quantize: Literal["int8", "int4"] | None, new: int
) -> Stages:
    """Pictures one by one, then their prefixes in a batch, with room for `new` tokens of answer.

    The steps of the answer itself need less than the prefix. Of `work`, what is about training is
    not used.
    """
    return _deepen(config, lambda shallow: _answer(shallow, work, quantize, new), False)


def tower_learns(config: PaliGemmaConfig, method: Method) -> bool:
    """Whether a gradient goes to the vision tower or the connector.

    Raises:
        UsageError: nothing would learn.
    """
    shallow = config if _names_blocks(method) else _with_depth(config, 1, 1)
    with torch.device("meta"):
        return sees_vision(prepare(PaliGemma(shallow), method))


def _names_blocks(method: Method) -> bool:
    """Whether blocks are told apart by their numbers, as in `text.blocks.1?.mlp.*`."""
    return any(letter.isdigit() for one in (*method.freeze, *method.adapt) for letter in one)


def _deepen(
    config: PaliGemmaConfig, play: Callable[[PaliGemmaConfig], Stages], tower_too: bool
) -> Stages:
    """What `play` makes of a shallow model, for all its blocks; a tower that learns nothing is
    played whole, since nothing of it is kept."""
    vision, text = config.vision.depth, config.text.depth
    few, short = min(vision, 2) if tower_too else vision, min(text, 2)
    base = play(_with_depth(config, few, short))
    found = {stage: dict(parts) for stage, parts in base.items()}
    for missing, deeper in ((vision - few, (few + 1, short)), (text - short, (few, short + 1))):
        if missing:
            more = play(_with_depth(config, *deeper))
            for stage, parts in found.items():
                for kind in parts:
                    parts[kind] += missing * (more[stage][kind] - base[stage][kind])
    return found


def _with_depth(config: PaliGemmaConfig, vision: int, text: int) -> PaliGemmaConfig:
    return replace(
        config,
        vision=replace(config.vision, depth=vision),
        text=replace(config.text, depth=text),
    )


def _step(config: PaliGemmaConfig, work: Workload) -> Stages:
    method = work.method
    packed = method.quantize if method.kind == "qlora" else None
    with _empty(config, work, packed) as (model, live, kernels):
        prepare(model, method)
        if work.device == "cpu" and method.kind != "full":
            speed_up_bfloat16(model)
        learned = [p for p in model.parameters() if p.requires_grad]
        live.name(_held(model), "weights")
        moments = [torch.empty_like(p) for p in learned for _ in range(2)]
        live.name(moments, "moments")
        for parameter in learned:
            if work.parts > 1:
                parameter.grad = torch.empty_like(parameter)
                live.name([parameter.grad], "gradients")
            else:
                parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                    _names_gradient(live)
                )
        _mark(model, live)
        batch, objective = _batch(config, work), Objective(Targets(), sees_vision(model))
        loss = objective(model.train(), batch)["loss"]
        kernels.backward(loss)
        stages = live.peaks
    stages["update"] = _update(stages["loss"], learned, work.device)
    return stages


def _answer(
    config: PaliGemmaConfig, work: Workload, quantize: Literal["int8", "int4"] | None, new: int
) -> Stages:
    with _empty(config, work, quantize) as (model, live, _), torch.no_grad():
        if work.device == "cpu":
            speed_up_bfloat16(model)
        live.name(_held(model), "weights")
        dtype = model.text.norm.weight.dtype
        live.begin("vision")
        side = config.vision.image_size
        seen = [model.embed_image(torch.empty(1, 1, 3, side, side, dtype=dtype, device="meta"))]
        features = torch.cat(seen * work.batch)
        live.begin("prefix")
        room = config.tokens_per_image + work.text + new
        cache = KVCache(config.text, work.batch, room, dtype=dtype, device="meta")
        live.name([cache.keys, cache.values], "cache")
        tokens = torch.zeros(work.batch, work.text, dtype=torch.int64, device="meta")
        real = torch.ones_like(tokens, dtype=torch.bool) if work.batch > 1 else None
        model.prefill(features, tokens, real, cache)
        return live.peaks


@contextmanager
def _empty(
    config: PaliGemmaConfig, work: Workload, packed: Literal["int8", "int4"] | None
) -> Iterator[tuple[PaliGemma, LiveBytes, Kernels]]:
    """A model without numbers, and the place where all that follows has none either."""
    dtype = parse_dtype(work.dtype) or torch.float32
    with torch.device("meta"):
        model = PaliGemma(config)
    if packed is not None:
        quantize_model(model, Quantization(packed), dtype)
    kernels = Kernels(work.device, work.precision)
    with EmptyBytes(config.text.vocab_size) as live, kernels:
        for module in model.modules():
            for name, old in list(module._parameters.items()):
                if old is not None:
                    new = torch.empty(old.shape, dtype=dtype, device="meta")
                    module._parameters[name] = nn.Parameter(new, old.requires_grad)
            for name, buffer in list(module._buffers.items()):
                if buffer is not None:
                    module._buffers[name] = torch.empty_like(buffer)
        yield model, live, kernels


def _held(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def _names_gradient(live: LiveBytes) -> Callable[[Tensor], None]:
    def tell(parameter: Tensor) -> None:
        assert parameter.grad is not None
        live.name([parameter.grad], "gradients")

    return tell


def _mark(model: PaliGemma, live: LiveBytes) -> None:
    """Begin a stage where each part of the model begins, forwards and back.

    Of the blocks the first and the last have stages of their own: what lies between them is filled
    evenly, so one of the two ends is the fullest.
    """
    live.begin("vision")
    model.text.register_forward_pre_hook(lambda *_: live.begin("decoder"))
    model.text.register_forward_hook(lambda *_: live.begin("loss"))
    for part, blocks in (("decoder", model.text.blocks), ("vision", model.vision.blocks)):
        ends = {0: "first"} if len(blocks) == 1 else {-1: "last", -2: "inner", 0: "first"}
        for place, end in ends.items():
            if (place, len(blocks)) != (-2, 2):
                blocks[place].register_forward_hook(_marks_back(live, f"{part} back, {end} block"))


def _marks_back(live: LiveBytes, stage: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(  # type: ignore[no-untyped-call]
                lambda _: live.begin(stage)
            )

    return hook


def _batch(config: PaliGemmaConfig, work: Workload) -> TuningBatch:
    """Half of the text is the answer."""
    rows, suffix = work.batch, max(1, work.text // 2)
    side = config.vision.image_size
    ids = torch.zeros(rows, work.text, dtype=torch.int64, device="meta")
    text = Batch(
        images=ids.new_empty(rows, 1, 3, side, side, dtype=torch.float32)
        if work.pictures
        else None,
        tokens=ids,
        mask_ar=torch.zeros_like(ids),
        mask_input=ids.bool(),
        mask_loss=ids.float(),
        prefix_length=work.text - suffix,
    )
    seen = (rows, config.tokens_per_image, config.text.width)
    features = None if work.pictures else ids.new_empty(seen, dtype=torch.float32)
    return TuningBatch(text, ids.new_ones(rows, suffix, dtype=torch.float32), features)


def _update(stage: Parts, learned: list[nn.Parameter], device: str) -> Parts:
    """AdamW takes the root of the second moments: a GPU of all at once, a CPU one by one."""
    sizes = [p.numel() * p.element_size() for p in learned]
    roots = sum(sizes) if device == "cuda" else 2 * max(sizes)
    return {
        **dict.fromkeys(KINDS, 0),
        "weights": stage["weights"],
        "gradients": sum(sizes),
        "moments": stage["moments"] + roots,
    }
