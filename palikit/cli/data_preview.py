"""`palikit data preview`: training examples drawn from their tokens, as a sheet or a page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palikit.errors import PalikitError, UsageError

from .mask_codec import open_codec
from .options import MaskCodecFile, Model

if TYPE_CHECKING:
    import numpy as np

    from palikit.codecs.masks import MaskCodec
    from palikit.data.making import ExampleMaker
    from palikit.data.records import Dataset, Record

    from .preview_cards import Card

__all__ = ["preview"]

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PAGES = (".html", ".htm")
MOST_ON_SHEET = 200
"""Already some 5000 x 7000 pixels."""


def preview(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="FORMAT:PATH[,option=value...].")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="sheet.png or page.html.")
    ],
    count: Annotated[int, typer.Option(min=1, help="Examples to show.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Another seed shows others.")] = 0,
    task: Annotated[
        str | None, typer.Option(help="detect, segment, caption, answer, ...; else as labelled.")
    ] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Flip, crop, zoom and colour them first.")
    ] = False,
    model: Model = "nano",
    mask_codec: MaskCodecFile = None,
) -> None:
    """Draw what training examples say: boxes and masks are read back from their tokens.

    What no parser reads is red. The model is used for its mask codec alone.
    """
    kind = out.suffix.lower()
    if kind not in (*PICTURES, *PAGES):
        raise UsageError(f"--out {out} is no picture or page: write sheet.png or page.html")
    if kind in PICTURES and count > MOST_ON_SHEET:
        raise UsageError(
            f"--count {count} is too much for a picture: write --out page.html, or {MOST_ON_SHEET}"
        )
    from palikit.data.readers import read_dataset

    dataset = read_dataset(source)
    cards = _cards(dataset, count, seed, task, augment, open_codec(model, mask_codec))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _write(out, cards, dataset.name)
    except OSError as error:
        why = error.strerror or error
        raise PalikitError(f"{out} could not be written ({why}): check --out") from error
    print(f"{len(cards)} of {len(dataset)} records drawn to {out}")


def _write(out: Path, cards: "list[Card]", title: str) -> None:
    if out.suffix.lower() in PAGES:
        from .preview_page import page

        out.write_text(page(cards, title), "utf-8", errors="backslashreplace")
    else:
        from .preview_sheet import sheet

        sheet(cards).save(out)


def _cards(
    dataset: "Dataset",
    count: int,
    seed: int,
    task: str | None,
    augment: bool,
    codec: "MaskCodec | None",
) -> "list[Card]":
    """Some examples in the dataset's order, made as training makes them."""
    import numpy as np

    from palikit.data.asking import Asking
    from palikit.data.augment import Augment
    from palikit.data.making import ExampleMaker

    if not len(dataset):
        raise PalikitError(f"{dataset.name} has no records: give labels that have some")
    vary = Augment(crop=0.2, scale=0.25, colour=0.2) if augment else None
    make = ExampleMaker(dataset.classes, Asking(task=task), codec, vary)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.choice(len(dataset), min(count, len(dataset)), replace=False).tolist())
    return [_card(dataset[i], make, np.random.default_rng([seed, i])) for i in chosen]


def _card(record: "Record", make: "ExampleMaker", rng: "np.random.Generator") -> "Card":
    """The card of a record, or the card of what is wrong with it."""
    from .preview_cards import Card, card_of

    try:
        return card_of(make(record, rng), record.origin, make.codec)
    except UsageError:
        raise
    except PalikitError as error:
        print(f"palikit: {error}", file=sys.stderr)
        return Card(record.origin, None, record.prefix, problem=str(error))
