"""Verbs that are answered by regions: detect and segment."""

from typing import Annotated

import typer

from .options import Images, Options, Refine, with_options

__all__ = ["detect", "segment"]

Labels = Annotated[
    str, typer.Argument(metavar="LABELS", help='What to look for, last: "cat ; dog".')
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", metavar="PATH", help="Draw the answer here; a folder for several pictures."
    ),
]
Noise = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Boxes a picture, of a model tuned with so many."),
]


@with_options
def detect(
    images: Images,
    labels: Labels,
    out: Out = None,
    noise: Noise = 0,
    refine: Refine = False,
    *,
    options: Options,
) -> None:
    """Boxes around what you name: x1 y1 x2 y2 in pixels."""
    from palikit.tasks import Detect

    from .running import ask_all

    ask_all(images, Detect(labels, noise=noise), options, words=labels, out=out, refine=refine)


@with_options
def segment(
    images: Images, labels: Labels, out: Out = None, refine: Refine = False, *, options: Options
) -> None:
    """Boxes and masks of what you name."""
    from palikit.tasks import Segment

    from .running import ask_all

    ask_all(images, Segment(labels), options, words=labels, out=out, refine=refine)
