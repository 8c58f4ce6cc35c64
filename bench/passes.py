"""How often the model is called for an answer, with a grammar and without: python bench/passes.py

Counts passes, the prefix's with them, so every run and machine tells the same. nano is asked of
forty held-out scenes with three things of two names. A model with random weights, whose guesses
are worth nothing, tells three boxes of labels of one to three tokens; without a grammar each token
of that answer would be a pass.
"""

import argparse
from dataclasses import replace

import torch

import palikit as pk
from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig
from palikit.data.emoji_world import scene
from palikit.decode.generate import collect, generate
from palikit.decode.grammar import Label, RegionGrammar, RegionWalk
from palikit.model.paligemma import PaliGemma

SEED = 78
"""Of scenes that nano was not trained on."""
EOS, SEPARATOR, SPACE = 1, 2, 3
LOC, SEG = 100, 1124
TINY = PaliGemmaConfig(
    SiglipConfig(28, 14, 32, 1, 48, 2),
    GemmaConfig(SEG + 128, 48, 3, 80, 4, 2, 16, 16**-0.5, 50.0, 30.0, True),
)


class Counted:
    """Calls of a model while it stands in a `with`."""

    def __init__(self, model: PaliGemma) -> None:
        self.model = model
        self.passes = 0

    def __enter__(self) -> "Counted":
        for name in ("prefill", "extend_ragged"):
            setattr(self.model, name, self._count(getattr(self.model, name)))
        return self

    def __exit__(self, *_: object) -> None:
        del self.model.prefill, self.model.extend_ragged

    def _count(self, call):
        def counting(*args, **named):
            self.passes += 1
            return call(*args, **named)

        return counting


def scenes(count: int) -> list:
    """Those with three things of two names."""
    found, index = [], 0
    while len(found) < count:
        one = scene(SEED, index)
        index += 1
        if (len(one.objects), len({thing.key for thing in one.objects})) == (3, 2):
            found.append(one)
    return found


def nano_passes(
    vlm: pk.Engine, task: type[pk.Detect | pk.Segment], some: list, *, grammar: bool
) -> int:
    """Passes of nano for all scenes."""
    with Counted(vlm.model) as counted:
        for one in some:
            labels = sorted({thing.key for thing in one.objects})
            vlm.run([(one.image, task(labels))], decoding=pk.Decoding(grammar=grammar))
    return counted.passes


def random_passes(label_tokens: int, codes: int, answers: int = 20) -> tuple[int, int]:
    """Passes and tokens of a model with random weights, two labels of so many tokens each."""
    torch.manual_seed(0)
    model = PaliGemma(TINY).eval().requires_grad_(False)
    names = [tuple(10 * k + i for i in range(label_tokens)) for k in (1, 2)]
    labels = tuple(Label((*ids, SEPARATOR, SPACE), (*ids, EOS)) for ids in names)
    passes = tokens = 0
    form = RegionGrammar(labels, EOS, LOC, SEG, codes, max_objects=3)
    # With a rival all three are told, wherever such a model would like to end.
    form = replace(form, rival=Label((90, SEPARATOR, SPACE), (90, EOS)))
    for k in range(answers):
        walk = RegionWalk(form)
        prefix = torch.tensor([[40 + k, 41, 42]])
        with Counted(model) as counted:
            (told,) = collect(
                generate(model, None, prefix, None, eos_id=EOS, max_new_tokens=200, walks=[walk])
            )
        passes, tokens = passes + counted.passes, tokens + len(told.ids)
    return passes, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    some = scenes(parser.parse_args().scenes)
    vlm = pk.load("nano")
    for task in (pk.Detect, pk.Segment):
        free = nano_passes(vlm, task, some, grammar=False)
        show(f"nano {task.name}", nano_passes(vlm, task, some, grammar=True), free)
    for codes, name in ((0, "detect"), (16, "segment")):
        for size in (1, 2, 3):
            show(f"random {name}, labels of {size}", *random_passes(size, codes))


def show(name: str, held: int, free: int) -> None:
    """One line."""
    print(f"{name:<28} {held:>5} passes, {free:>5} without a grammar: {held / free:.2f}x")


if __name__ == "__main__":
    main()
