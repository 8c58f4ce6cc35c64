"""A fine-tuning run from beginning to end."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from palikit.codecs.masks import MaskCodec
from palikit.data.augment import Augment
from palikit.data.making import ExampleMaker
from palikit.data.mixture import Mixture
from palikit.engine import open_tools
from palikit.errors import UsageError
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor
from palikit.model.paligemma import PaliGemma
from palikit.train import TrainConfig, Validation, train
from palikit.train.loss import Targets
from palikit.train.world import ALONE, World, open_world
from palikit.weights.load import load_config
from palikit.weights.source import find

from .batches import Batcher
from .benchmarks import BenchmarkValidator, is_benchmark, open_benchmark
from .building import build_model, describe, sees_vision
from .config import FineTune
from .export import export_model
from .features import FeatureFile, fill_features
from .objective import Objective
from .sources import open_mixture, open_sources
from .validation import METRICS, Validator, asked_at_once, kind_of_all

__all__ = ["fine_tune", "prepare_run"]

MEASUREMENTS = 10


def fine_tune(config: FineTune, folder: Path) -> PaliGemma:
    """Run or resume `config` in `folder` and leave there, in `model/`, what it has learned.

    `model/` is a checkpoint folder or, where adapters were trained, a folder of these as PEFT reads
    them; `palikit.load` opens both. Beside it lie the state to resume from, `log.jsonl`, and
    samples of each measurement. Where there is a validation, `model/` is the best step and
    `last/model/` the last. Under `torchrun` all of it is of the first process; `train` says what
    the others return.
    """
    world = open_world(config.device)
    with world.together():
        run = prepare_run(config, folder, world)
    model = train(run, folder, world)
    world.close()
    assert isinstance(model, PaliGemma)
    return model


def prepare_run(config: FineTune, folder: Path, world: World = ALONE) -> TrainConfig:
    """Open everything that the run needs and say what will learn; nothing is trained yet."""
    torch.manual_seed(config.seed)  # new adapters are drawn at random
    mixture = open_mixture(config.data, config.seed)
    found = find(config.model)
    processor, codec = open_tools(found, load_config(found))
    _check(config, processor.resize)
    model = build_model(config, world)
    if world.first:
        _say_what_learns(model)
    classes = config.asking.classes or mixture.classes
    steps = config.steps or max(1, round(config.epochs * len(mixture) / config.batch_size))
    batcher = Batcher(
        mixture=mixture,
        make=ExampleMaker(classes, config.asking, codec, _changes(config)),
        processor=processor,
        batch_size=config.batch_size,
        accumulate=config.accumulate,
        max_suffix=config.max_suffix,
        weighing=config.weighing,
        features=_features(model, config, mixture, processor.resize, folder, world),
    )
    targets = Targets(config.smoothing, config.soft_bins, processor.tokenizer.loc_start)
    every = config.validate_every or -(-steps // MEASUREMENTS)
    at_once = config.validate_batch or asked_at_once(model.config)
    return TrainConfig(
        name=config.name,
        model=lambda: model,
        batch=batcher,
        loss=Objective(targets, sees_vision(model)),
        export=partial(export_model, config, processor, codec),
        optim=config.optim,
        steps=steps,
        batch_size=config.batch_size,
        workers=config.workers,
        log_every=config.log_every,
        save_every=config.save_every,
        seed=config.seed,
        validation=_validation(config, every, at_once, classes, processor, codec),
        curves=config.curves,
        precision=config.precision,
    )


def _changes(config: FineTune) -> Augment | None:
    told = config.augment
    moves = (told.flip, told.flip_vertical, told.crop, told.scale, told.colour, told.jpeg)
    return told if any(moves) else None


def _check(config: FineTune, resize: Resize) -> None:
    # Said now, not when the run is over and its result cannot be written.
    if config.method.kind == "full" and resize.resample == "reference":
        raise UsageError(
            f"{config.model} has its pictures resized as the reference does, which a folder cannot "
            "say: train adapters (method=lora), or start from a Hugging Face folder"
        )


def _validation(
    config: FineTune,
    every: int,
    at_once: int,
    classes: Sequence[str],
    processor: Processor,
    codec: MaskCodec | None,
) -> Validation | None:
    """By the metric of the task, or by a benchmark's own."""
    if any(map(is_benchmark, config.validation)):
        if len(config.validation) > 1:
            raise UsageError(
                f"{list(config.validation)}: one benchmark's number chooses the best step, so "
                "give one and nothing beside it"
            )
        benchmark, items = open_benchmark(config.validation[0])
        by = BenchmarkValidator(
            benchmark, items[: config.validate_limit], processor, codec, at_once
        )
        higher = benchmark.higher_is_better
        return Validation(every=every, measure=by, best=benchmark.name, higher=higher)
    records = [record for one in open_sources(config.validation)[0] for record in one]
    if not records:
        return None
    validator = Validator(
        records[: config.validate_limit],
        config.asking,
        classes,
        processor,
        codec,
        config.max_suffix,
        at_once,
    )
    best, _ = METRICS[kind_of_all(validator.records, validator.asking)]
    return Validation(every=every, measure=validator, best=best)


def _features(
    model: PaliGemma,
    config: FineTune,
    mixture: Mixture,
    resize: Resize,
    folder: Path,
    world: World,
) -> FeatureFile | None:
    """The tower's output on disk, where nothing that makes it changes."""
    still = not sees_vision(model) and _changes(config) is None
    if not (still if config.cache_features is None else config.cache_features):
        return None
    if not still:
        raise UsageError(
            "cache_features needs pictures and a vision tower that stay as they are: "
            "freeze vision and connector and leave augment out, or leave out cache_features"
        )
    records = [record for dataset in mixture.datasets for record in dataset]
    with world.together():
        if world.first:
            model.vision.to(config.device)
            model.connector.to(config.device)
            fill_features(model, resize, records, folder / "features")
    return FeatureFile(folder / "features")


def _say_what_learns(model: PaliGemma) -> None:
    print(f"{'part':<12}{'learns':>16}{'of':>16}", file=sys.stderr)
    for part, learned, total in describe(model):
        print(f"{part:<12}{learned:>16,}{total:>16,}", file=sys.stderr)
