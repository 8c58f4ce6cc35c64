"""Write the files beside this one: one for each transfer, all from palikit's table.

python -m recipes.transfers.write
"""

from pathlib import Path
from textwrap import wrap

from palikit.tuning.transfers import TRANSFERS, about

__all__ = ["FOLDER", "text_of"]

FOLDER = Path(__file__).parent

CODE = """
from functools import partial

from palikit.tuning.transfers import transfer

recipe = partial(transfer, "{name}")
"""


def text_of(name: str) -> str:
    """What the file of a transfer holds."""
    told = about(name).replace(
        f"palikit train {name} ", f"palikit train recipes/transfers/{name}.py "
    )
    lines = [line for part in told.split("\n\n") for line in _wrapped(part)]
    words = "\n".join(lines).rstrip()
    return f'"""{words}\n"""\n{CODE.format(name=name)}'


def _wrapped(part: str) -> list[str]:
    if part.startswith(" "):
        return [part, ""]
    # Addresses and sources stay whole.
    return [*wrap(part, 97, break_long_words=False, break_on_hyphens=False), ""]


if __name__ == "__main__":
    for name in TRANSFERS:
        (FOLDER / f"{name}.py").write_text(text_of(name), encoding="utf-8")
