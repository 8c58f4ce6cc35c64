"""What the vision tower made of pictures, kept so that another prompt about one costs no tower."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from palikit.errors import UsageError

__all__ = ["Seen", "SeenCache", "content_key"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the vision tower made of a picture (or of several), with the size of the first.

    Attributes:
        features: soft tokens [1, F*P, D].
        size: (width, height) of the first picture, in pixels; boxes and masks are given in it.
    """

    features: Float[Tensor, "1 I D"]
    size: tuple[int, int]


class SeenCache:
    """The pictures looked at last, by their content, as many as fit into `max_bytes`.

    Several threads may read pictures at once, so each call has the cache to itself.
    """

    def __init__(self, max_bytes: int) -> None:
        if max_bytes < 0:
            raise UsageError(f"a cache of {max_bytes} bytes was asked for: give 0 or more")
        self.max_bytes = max_bytes
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, key: bytes) -> Seen | None:
        """What is kept, which is now the newest."""
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
            return self._seen.get(key)

    def put(self, key: bytes, seen: Seen) -> None:
        """Keep one; the oldest go until all fit, itself too where it is larger than the whole."""
        with self._lock:
            self._drop(key)
            self._seen[key] = seen
            self._bytes += seen.features.nbytes
            while self._bytes > self.max_bytes:
                self._drop(next(iter(self._seen)))

    def _drop(self, key: bytes) -> None:
        if (old := self._seen.pop(key, None)) is not None:
            self._bytes -= old.features.nbytes


def content_key(pictures: Sequence[Image.Image]) -> bytes:
    """The same for the same pixels in the same order, wherever they came from."""
    whole = hashlib.blake2b(digest_size=16)
    for picture in pictures:
        # Sizes too, or a wide picture would be the tall one of the same bytes.
        whole.update(f"{picture.mode} {picture.size};".encode())
        whole.update(picture.tobytes())
    return whole.digest()
