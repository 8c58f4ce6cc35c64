"""PaliGemma 2's transfers: how each benchmark's model was fine-tuned, as one table.

    transfer("docvqa", size="10b", resolution=448, root="data/docvqa")     a FineTune

NUMBERS are big_vision's `configs/proj/paligemma/transfers` (their best settings), and for the
tasks that have none sections 4.2 to 4.8 and appendix C of the PaliGemma 2 report (arXiv
2412.03555). PaliGemma 2 keeps PaliGemma's numbers but for the learning rate, which its report
swept for every size at 224 px and kept at 448: the rates of 3B, 10B and 28B here are the best of
its Table 14. PaliGemma's own (`size="1-3b"`) are those of the configurations.

Departures: pictures are resized as the checkpoint's folder says; validation looks at the first
1,000 questions, and the best of eleven measured steps is kept, the last one beside it; ScienceQA's
options keep their order; the answer of several is drawn anew each time, not in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from palikit.data.asking import Asking
from palikit.errors import UsageError
from palikit.eval.benchmarks import BENCHMARKS
from palikit.train import OptimConfig

from .config import FineTune, Method
from .transfer_data import MADE, SOURCES, Sources

__all__ = ["SIZES", "TRANSFERS", "Size", "Transfer", "about", "transfer"]

Size: TypeAlias = Literal["3b", "10b", "28b", "1-3b"]

SIZES: dict[str, str] = {
    "3b": "google/paligemma2-3b-pt-{}",
    "10b": "google/paligemma2-10b-pt-{}",
    "28b": "google/paligemma2-28b-pt-{}",
    "1-3b": "google/paligemma-3b-pt-{}",
}

NUMBERS = """
task            text px          epochs   batch      decay           3b   10b  28b  1-3b

ai2d             128 224/448     10       256        1e-6            6e-6 1e-6 3e-6 1e-5
aokvqa_da         32 224/448     10       128        0               3e-6 1e-6 6e-7 5e-6
aokvqa_mc        128 224/448     15       128        0               3e-6 3e-7 1e-6 5e-6
chartqa           48 224/448     30       256        1e-6            3e-6 1e-6 3e-7 1e-5
coco35l           32 224/448     2832175x 256        1e-6            3e-6 6e-7 3e-7 1e-5
cococap           32 224/448     5        256        1e-6            3e-6 6e-7 6e-7 1e-5
docvqa            32 224/448/896 10       256        1e-6            6e-6 3e-6 3e-6 1e-5
gqa               32 224/448     1        256        0               3e-6 1e-6 3e-6 1e-5
infovqa           48 224/448/896 3        256/128/32 1e-6/1e-6/3e-7  3e-6 6e-7 3e-7 1e-5/1e-5/3e-6
nlvr2             64 224/448     3/10     256        1e-6/3e-7       6e-6 1e-6 3e-6 1e-5/3e-6
ocrvqa            32 224/448/896 3        128        0               1e-6 3e-7 3e-7 3e-6/3e-6/1e-5
okvqa             32 224/448     10       128        0               3e-6 1e-6 1e-6 5e-6
refcoco           48 224/448/896 2440700x 256/256/64 0               1e-5 3e-6 1e-6 3e-5/1e-5/1e-5
rsvqa_hr          32 224/448     1        256        0               1e-5 6e-6 6e-7 1e-5
rsvqa_lr          32 224/448     3        256        0               3e-6 1e-5 6e-6 3e-6
scicap            96 224/448     80       256        0               3e-5 3e-5 3e-5 3e-5
science_qa       512 224/448     20       128        0               6e-6 1e-6 1e-6 1e-5
screen2words      24 224/448     10       256        0               6e-6 1e-6 1e-6 1e-5
stvqa             48 224/448/896 3        256/128/32 1e-6/1e-6/3e-7  6e-6 3e-6 3e-6 1e-5/1e-5/3e-6
tallyqa           32 224/448/896 2        256        0/1e-6/7e-7     1e-5 3e-6 3e-6 1e-5/1e-5/7e-6
textcaps          32 224/448     5        256        1e-6            1e-6 1e-6 3e-7 1e-5
textvqa           32 224/448/896 5/10/10  256        0/3e-7/0        3e-6 6e-7 1e-6 3e-6
vizwiz            48 224/448     10       256        0               1e-5 3e-6 3e-6 1e-5
vqav2             32 224/448     10       256        1e-6/0          3e-6 1e-6 6e-7 1e-5
widgetcap         32 224/448     4        64         3e-7            3e-6 1e-6 6e-7 3e-6
activitynet_cap   64 224         1        128        1e-6            3e-6 3e-6 -    1e-5
activitynet_qa    64 224         1        128        1e-6            6e-6 6e-6 -    1e-5
msrvtt_cap        32 224         20       128        0               1e-5 1e-6 -    1e-5
msrvtt_qa         64 224         1        128        0               6e-6 3e-6 -    1e-5
msvd_qa           64 224         1        128        3e-7            3e-6 1e-6 -    3e-6
vatex             64 224         10       128        3e-7            3e-6 3e-6 -    3e-6

text_spotting   2048 896         3840000x 256        0               1e-5 1e-5 1e-5 -
pubtabnet       4096 896         7680000x 256        0               1e-4 1e-4 1e-4 -
fintabnet       4096 896         7680000x 256        0               1e-4 1e-4 1e-4 -
molecules        256 448         7680000x 256        0               1e-4 1e-4 1e-4 -
grandstaff      1024 896         7680000x 256        0               1e-4 1e-4 1e-4 -
docci            512 448         10       256        0               3e-6 1e-6 1e-6 -
mimic_cxr        512 448/896     8        256        0               5e-6 5e-6 -    -
vsr_random        18 224         10       1024       1e-7            1e-6 1e-6 1e-6 -
vsr_zeroshot      18 224         10       1024       1e-7            1e-6 1e-6 1e-6 -
coco_detection  1024 224/448/896 50       256        0               1e-5 3e-6 1e-6 -
doclaynet       1024 224/448/896 50       256        0               1e-5 3e-6 1e-6 -
"""
"""Tokens of an answer at most; resolutions, and numbers of each where they differ (or one of all);
epochs, or with an x examples in all; the reference's weight decay, which is ours times the rate;
peak learning rates by size ("-" was not run).

Not published, and chosen here: the length of table structure's runs (the molecules' is taken); all
of DOCCI's but its model and pictures; MIMIC-CXR's length, batch and rates but the one of its first
runs at 448 px; which of VSR's swept values were best; batch and rate of detection (RefCOCO's rate
is taken).
"""

OTHERS: dict[str, dict[str, tuple[float, ...]]] = {
    "chartqa": {"smoothing": (0.2,), "dropout": (0.1,)},
    "gqa": {"frozen": (0, 1)},
    "infovqa": {"smoothing": (0.4,)},
    "refcoco": {"smoothing": (0.3,), "dropout": (0.1, 0, 0)},
    "rsvqa_lr": {"smoothing": (0.2,)},
    "scicap": {"smoothing": (0.1,), "dropout": (0.1,)},
    "science_qa": {"frozen": (1,)},
    "screen2words": {"smoothing": (0.2,), "dropout": (0.3,)},
    "stvqa": {"smoothing": (0.1,)},
    "widgetcap": {"smoothing": (0.1,), "dropout": (0.1,)},
    "activitynet_cap": {"frozen": (1,)},
    "msrvtt_cap": {"frozen": (1,)},
    "msrvtt_qa": {"frozen": (1,)},
    "text_spotting": {"smoothing": (0.1,)},
    "molecules": {"smoothing": (0.1,)},
    "grandstaff": {"smoothing": (0.1,)},
}
"""What few tasks change: label smoothing, dropout of the decoder's residual branches, and whether
vision tower and connector stay as they are; by resolution, or once for all."""

ASKING: dict[str, Asking] = {
    "text_spotting": Asking(order="reading"),
    "coco_detection": Asking(order="random", noise=100),
    "doclaynet": Asking(order="random", noise=100),
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row: numbers by resolution, rates by size and resolution."""

    name: str
    text_length: int
    resolutions: tuple[int, ...]
    lengths: tuple[str, ...]
    batches: tuple[str, ...]
    decays: tuple[str, ...]
    rates: dict[str, tuple[str, ...]]
    sources: Sources

    @property
    def sizes(self) -> tuple[str, ...]:
        """Those that were run; `1-3b` is PaliGemma 1."""
        return tuple(size for size, rates in self.rates.items() if rates != ("-",))

    def config(self, size: str, resolution: int, root: str, *, final: bool = False) -> FineTune:
        """The run of one size at one resolution.

        Raises:
            UsageError: a resolution or size that was not run.
        """
        at = self._place(size, resolution)
        lr, batch = float(_at(self.rates[size], at)), int(_at(self.batches, at))
        length, others = _at(self.lengths, at), OTHERS.get(self.name, {})
        frozen = _at(others.get("frozen", (0,)), at) == "1"
        train, measured = self.sources.train, self.sources.measured
        if final:
            train, measured = self.sources.final or train, ""
        examples = length.endswith("x")
        return FineTune(
            name=f"{self.name}-{size}-{resolution}",
            data=tuple(source.format(root=root) for source in train),
            validation=(measured.format(root=root),) if measured else (),
            model=SIZES[size].format(resolution),
            asking=ASKING.get(self.name, Asking()),
            method=Method(kind="full", freeze=("vision", "connector") if frozen else ()),
            optim=OptimConfig(lr=lr, weight_decay=float(_at(self.decays, at)) / lr, decay="vision"),
            epochs=1.0 if examples else float(length),
            steps=round(int(length[:-1]) / batch) if examples else None,
            batch_size=batch,
            max_suffix=self.text_length,
            smoothing=float(_at(others.get("smoothing", (0.0,)), at)),
            residual_dropout=float(_at(others.get("dropout", (0.0,)), at)),
            device="cuda",
            precision="bfloat16",
            cache_features=False,
            validate_limit=1000,
            workers=8,
        )

    def _place(self, size: str, resolution: int) -> int:
        if resolution not in self.resolutions:
            told = ", ".join(map(str, self.resolutions))
            raise UsageError(f"{self.name} was not run at {resolution} px: choose one of {told}")
        if size not in self.sizes:
            told = ", ".join(self.sizes)
            raise UsageError(f"{self.name} was not run with size={size}: choose one of {told}")
        return self.resolutions.index(resolution)


def transfer(
    name: str,
    *,
    size: Size = "3b",
    resolution: int | None = None,
    root: str = "",
    final: bool = False,
) -> FineTune:
    """One transfer's run: `size` of the model, `resolution` in pixels (the lowest that was run).

    `root` is the folder of the data, `data/<name>` unless told. `final` learns the held-out part
    too and measures nothing, as for the published test numbers.

    Raises:
        UsageError: an unknown transfer, or what was not run.
    """
    if name not in TRANSFERS:
        raise UsageError(f"{name!r} is no transfer: choose one of {', '.join(TRANSFERS)}")
    row = TRANSFERS[name]
    chosen = resolution or row.resolutions[0]
    return row.config(size, chosen, root or f"data/{name}", final=final)


def about(name: str) -> str:
    """What a transfer is for and how to run it, and its data with their licence, as a text."""
    row = TRANSFERS[name]
    sources, known = row.sources, [BENCHMARKS[one] for one in row.sources.benchmarks]
    titles = "; ".join(one.title for one in known)
    told = [
        f"{name}: the transfer for {titles}.",
        f"    palikit train {name} root=data/{name}",
        f"Also: size={'|'.join(row.sizes)} resolution={'|'.join(map(str, row.resolutions))} "
        "final=true (learns what is held out too).",
    ]
    if sources.also:
        titles = "; ".join(BENCHMARKS[one].title for one in sources.also)
        told.append(f"Its model is also measured, without learning them, on: {titles}.")
    learned = ", ".join(source.replace("{root}", "ROOT") for source in sources.train)
    told.append(f"Learns {learned}; measured by {sources.measured or 'nothing'}.")
    if MADE in sources.train:
        told.append("Data: palikit data scenes ROOT --world molecules; palikit's own licence.")
        return "\n\n".join(told).replace("{root}", "ROOT")
    for fetch in dict.fromkeys(one.fetch for one in known):
        told.append(f"Data below ROOT, also of the splits that are learned: {fetch}")
    told.append(f"Licence of the data: {'; '.join(dict.fromkeys(one.licence for one in known))}.")
    return "\n\n".join(told).replace("{root}", "ROOT")


def _at(values: Sequence[str] | Sequence[float], place: int) -> str:
    return str(values[0] if len(values) == 1 else values[place])


def _row(line: str) -> Transfer:
    name, length, sides, epochs, batch, decay, *rates = line.split()
    return Transfer(
        name,
        int(length),
        tuple(map(int, sides.split("/"))),
        tuple(epochs.split("/")),
        tuple(batch.split("/")),
        tuple(decay.split("/")),
        dict(zip(SIZES, (tuple(rate.split("/")) for rate in rates), strict=True)),
        SOURCES[name],
    )


TRANSFERS: dict[str, Transfer] = {
    row.name: row for row in map(_row, filter(str.strip, NUMBERS.strip().splitlines()[1:]))
}
"""Every transfer by name."""
