"""`palikit train --list`: the published transfers, each with its numbers, data and licence."""

from palikit.errors import UsageError

__all__ = ["list_transfers"]


def list_transfers(name: str | None) -> None:
    """All of them, one a line; with a name, that one's table and where its data is from."""
    from palikit.tuning.transfers import TRANSFERS

    if name is None:
        for one in TRANSFERS.values():
            sides = "/".join(map(str, one.resolutions))
            print(f"{one.name:<17}{sides:<13}{', '.join(one.sources.benchmarks)}")
        print(
            "\npalikit train --list docvqa tells one; palikit train docvqa root=data/docvqa runs it"
        )
        return
    if name not in TRANSFERS:
        raise UsageError(f"{name!r} is no transfer: choose one of {', '.join(TRANSFERS)}")
    _tell(name)


def _tell(name: str) -> None:
    from palikit.tuning.transfers import TRANSFERS, about

    print(about(name), end="\n\n")
    row = TRANSFERS[name]
    heads = ("", "lr", "decay", "batch", "epochs", "smoothing", "dropout", "frozen")
    print("".join(f"{head:<10}" for head in heads).rstrip())
    for size in row.sizes:
        for side in row.resolutions:
            run = row.config(size, side, "")
            told = (
                f"{size}-{side}",
                f"{run.optim.lr:g}",
                f"{run.optim.weight_decay:.3g}",
                run.batch_size,
                f"{run.steps} steps" if run.steps else f"{run.epochs:g}",
                run.smoothing,
                run.residual_dropout,
                ", ".join(run.method.freeze) or "-",
            )
            print("".join(f"{cell!s:<10}" for cell in told).rstrip())
