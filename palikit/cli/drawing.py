"""Where `--out` draws to: one file for one picture, a folder for several."""

from pathlib import Path
from typing import TYPE_CHECKING

from palikit.errors import PalikitError, UsageError
from palikit.results import Regions, Text

from .pictures import Source

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["Drawer"]

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Drawer:
    """Draws answers to `out`, what the user wrote; refuses what cannot be written at once.

    `out` is a folder when it ends in a slash, exists as one, or has no suffix.

    Raises:
        UsageError: one file for several pictures, or a format that is not a picture's.
    """

    def __init__(self, out: str, several: bool) -> None:
        self.out = Path(out)
        suffix = self.out.suffix.lower()
        self.is_folder = out.endswith(("/", "\\")) or self.out.is_dir() or not suffix
        self._used: set[Path] = set()
        if self.is_folder:
            return
        if several:
            raise UsageError(
                f"--out {out} is one file, and there are several pictures: "
                "name a folder, such as --out drawn/"
            )
        if suffix not in FORMATS:
            raise UsageError(
                f"--out {out} ends in {suffix}, and a picture was expected: "
                "write for example --out boxed.png"
            )

    def draw(self, source: Source, picture: "PIL.Image.Image", answer: Text | Regions) -> Path:
        """Write the picture with its answer drawn on; returns the path.

        Raises:
            PalikitError: the file could not be written.
        """
        from palikit.view.draw import draw

        path = self._path(source.stem) if self.is_folder else self.out
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(picture, answer).save(path)
        except OSError as error:
            why = error.strerror or error
            raise PalikitError(f"{path} could not be written ({why}): check --out") from error
        return path

    def _path(self, stem: str) -> Path:
        """`out/stem.png`, or `out/stem-2.png` for a second picture of the same name."""
        path, number = self.out / f"{stem}.png", 2
        while path in self._used:
            path, number = self.out / f"{stem}-{number}.png", number + 1
        self._used.add(path)
        return path
