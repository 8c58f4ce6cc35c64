"""Cards as one HTML page that needs nothing beside it."""

import base64
import io
from collections.abc import Sequence
from html import escape
from string import Template

from PIL import Image

from .preview_cards import SIDE, Card, Piece, shortened

__all__ = ["page"]

MOST = 600
"""Letters of a suffix that are shown, a dozen boxes or so."""

HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; background: #fff; color: #141414 }
main { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start }
figure { margin: 0; width: ${side}px }
figcaption { overflow-wrap: anywhere }
.prefix { color: #0046aa; font-weight: 600 }
.code, .origin, .none { color: #767676 }
.code, .origin { font-size: 12px }
.unread { color: #c80000; font-weight: 600 }
</style>
<h1>$title</h1>
<main>
"""


def page(cards: Sequence[Card], title: str) -> str:
    """The whole page; every text of the labels is escaped, and no script runs."""
    head = Template(HEAD).substitute(title=escape(title), side=SIDE)
    return head + "".join(map(_figure, cards)) + "</main>\n</html>\n"


def _figure(card: Card) -> str:
    image = "" if card.picture is None else _image(card.picture)
    if card.problem:
        suffix = f'<span class="unread">{escape(card.problem)}</span>'
    else:
        suffix = "".join(map(_span, _cut(card.suffix))) or '<span class="none">(empty)</span>'
    prefix = escape(_start(card.prefix)) or '<span class="none">(no prefix)</span>'
    return (
        f'<figure>{image}<figcaption><div class="prefix">{prefix}</div>'
        f'<div class="suffix">{suffix}</div>'
        f'<div class="origin">{escape(card.origin)}</div></figcaption></figure>\n'
    )


def _image(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img {size} alt="" src="data:image/jpeg;base64,{data}">'


def _span(piece: Piece) -> str:
    return f'<span class="{piece.kind}">{escape(piece.text)}</span>'


def _start(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 1] + "…"


def _cut(pieces: Sequence[Piece]) -> list[Piece]:
    """The first letters; what was not read is never left out."""
    shown: list[Piece] = []
    left = MOST
    for piece in pieces:
        if left <= 0 and piece.kind != "unread":
            if shown[-1].text != "…":
                shown.append(Piece("…", "code"))
            continue
        text = shortened(piece)
        shown.append(Piece(_start(text), piece.kind))
        left -= len(text)
    return shown
