"""The training loop: batch, loss, clipped step; measured and saved often, resumed exactly."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from palikit.errors import PalikitError

from .batches import prefetch
from .checkpoint import load_state, load_weights, save_state, save_weights
from .config import TrainConfig
from .log import RunLog, SilentLog
from .optim import build_optimizer, learning_rate
from .world import World, open_world

__all__ = ["train"]

STATE, BEST, LOG = "state.safetensors", "best.safetensors", "log.jsonl"


def train(config: TrainConfig, folder: Path, world: World | None = None) -> nn.Module:
    """Run or resume `config` in `folder`, then export there what its users need.

    The folder holds `state.safetensors` (to resume from), `log.jsonl`, and what `config.export`
    writes; where there is a validation, what it exports is the best measured step, and the last
    one stands in `last/`. Running it again after a kill goes on from the last saved step with the
    batches that would have come.

    Started by `torchrun`, each process trains its part of the model, and the first one writes. What
    comes back is the whole model in the first process, and one without numbers in the others.

    Args:
        world: the processes, where they are open already; whoever opened them closes them.
    """
    if world is None:
        world = open_world("cuda" if torch.cuda.is_available() else "cpu")
        model = train(config, folder, world)
        world.close()
        return model
    run = _Run(config, folder, world)
    try:
        run.go()
        return run.finish()
    finally:
        run.log.close()


class _Run:
    """What changes while a run goes on."""

    def __init__(self, config: TrainConfig, folder: Path, world: World) -> None:
        self.config, self.folder, self.world = config, folder, world
        self.done, self.best = 0, -math.inf
        self.saved = 0
        self.noted: set[str] = set()
        with world.together():
            torch.manual_seed(config.seed)
            self.batch = world.divide(config.batch, config.batch_size)
            self.model = config.model().train()
        self.compute = world.shard(self.model, config.loss)
        self.optimizer = build_optimizer(self.model, config.optim, world)
        with world.together():
            self._resume()
            self.log = self._open_log()

    def _resume(self) -> None:
        state = self.folder / STATE
        if self._is_there(state):
            self.done, notes = load_state(state, self.model, self.optimizer, self.world)
            self.best, self.saved = notes.get("best", -math.inf), self.done

    def _is_there(self, path: Path) -> bool:
        # What the first process sees is so for all, however late a shared disk shows it to them.
        return bool(self.world.add({"there": self.world.first and path.exists()})["there"])

    def _open_log(self) -> RunLog:
        config = self.config
        if not self.world.first:
            return SilentLog()
        return RunLog(
            self.folder / LOG,
            steps=config.steps,
            batch_size=config.batch_size,
            curves=config.curves,
        )

    def go(self) -> None:
        """All steps that are left."""
        config = self.config
        steps = range(self.done, config.steps)
        if config.validation and not self.done:
            self._told(0, self._measure)  # what there was to begin with
        batches = self.world.agree(prefetch(self.batch, steps, config.workers))
        for step, batch in zip(steps, batches, strict=True):
            rate = learning_rate(step, config.steps, config.optim)
            self.log.add(self._told(step, lambda: self._take(step, batch, rate)))  # noqa: B023
            self.done = step + 1
            last = self.done == config.steps
            if self.done % config.log_every == 0 or last:
                self.log.flush(self.done, rate)
            # Measured before it is saved, so that a resumed run knows its best step.
            if config.validation and (self.done % config.validation.every == 0 or last):
                self._told(step, self._measure)
            if self.done % config.save_every == 0 or last:
                self._save()

    def finish(self) -> nn.Module:
        """Export the last step, and the best one where steps were measured."""
        self.model.eval()
        if self.config.validation is None:
            return self._export(self.folder)
        self._export(self.folder / "last")
        if self._is_there(self.folder / BEST):
            with self.world.together():
                load_weights(self.folder / BEST, self.model, self.world)
        return self._export(self.folder)

    def _export(self, folder: Path) -> nn.Module:
        model = self.world.whole(self.model, "cpu")
        with self.world.together():
            if self.world.first:
                self.config.export(model, folder)
        return model

    def _take(self, step: int, batch: Any, rate: float) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        # Dropout draws anew from here in every step, so a resumed step draws what it would have;
        # processes draw differently for their rows.
        torch.manual_seed((self.config.seed << 32) + step * self.world.size + self.world.rank)
        self.optimizer.zero_grad(set_to_none=True)
        parts = batch if isinstance(batch, list) else [batch]
        self._note([note for part in parts for note in getattr(part, "notes", ())])
        sums: dict[str, float] = {}
        for part in parts:
            with _precision(self.config.precision, self.model):
                values: Mapping[str, Tensor] = self.compute(part)
            values["loss"].backward()  # type: ignore[no-untyped-call]
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value.item()
        sums = self.world.add(sums)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip)
        if not math.isfinite(self.world.full(norm).item()):
            self._refuse(step, sums["loss"])
        self.optimizer.step()
        return sums

    def _refuse(self, step: int, loss: float) -> None:
        with self.world.together():
            raise PalikitError(
                f"step {step + 1}: the gradients are not finite (loss {loss:.4g}): "
                f"lower the learning rate; {self._way_on()}"
            )

    def _note(self, notes: Sequence[str]) -> None:
        for note in self.world.notes(notes):
            if note not in self.noted:
                self.noted.add(note)
                self.log.note(note)

    def _measure(self) -> dict[str, float]:
        validation = self.config.validation
        assert validation is not None
        self.model.eval()
        model, found = self.world.whole(self.model), {validation.best: 0.0}
        with self.world.together(), torch.no_grad():
            if self.world.first:
                found = dict(validation.measure(model, self.done, self.folder))
                self.log.measured(self.done, found)
        self.world.release()
        self.model.train()
        score = self.world.add({"score": found[validation.best]})["score"]
        score *= 1 if validation.higher else -1
        if score > self.best:
            self.best = score
            save_weights(self.folder / BEST, self.model, self.world)
        return found

    def _save(self) -> None:
        notes = {"best": self.best} if math.isfinite(self.best) else {}
        state = self.folder / STATE
        save_state(state, self.model, self.optimizer, self.done, notes, self.world)
        self.saved = self.done

    def _told(self, step: int, act: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Say in words what to do about memory that ran out."""
        try:
            return act()
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            raise PalikitError(
                f"step {step + 1} ran out of memory with {self.config.batch_size} examples a step: "
                "halve the batch and accumulate two, recompute activations, or train adapters "
                f"(method=lora); {self._way_on()}"
            ) from error

    def _way_on(self) -> str:
        if not self.saved:
            return "no step is saved yet, so run again to start anew"
        return f"step {self.saved} is saved, so run again to go on from there"


def _is_memory(error: Exception) -> bool:
    # A CPU has no exception of its own for it.
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "can't allocate memory" in str(error)


def _precision(name: str, model: nn.Module) -> AbstractContextManager[Any]:
    if name == "float32":
        return nullcontext()
    device = next(model.parameters()).device.type
    return torch.autocast(device, torch.bfloat16)
