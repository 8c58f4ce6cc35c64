"""How much may be decoded at once: settings, and what they are where nobody sets them."""

from dataclasses import dataclass

from palikit.errors import UsageError

__all__ = ["Room", "default_room"]

ANSWER_TOKENS = 256
"""Room for a prompt and its answer, of a usual request."""
MOST_ON_CPU, MOST_ELSEWHERE = 8, 64
READ_ON_CPU, READ_ELSEWHERE = 1024, 4096


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be in flight at once.

    Attributes:
        slots: requests that are decoded together, at most.
        cache_bytes: memory of their keys and values, at most; while a cache grows, one layer of the
            old one comes on top.
        read_tokens: of newcomers that are read between two steps of the others, at most; a longer
            one is read alone. Less of it stalls a stream for less time, and a prefill needs memory
            by its length.
    """

    slots: int
    cache_bytes: int
    read_tokens: int = READ_ELSEWHERE

    def __post_init__(self) -> None:
        for name in ("slots", "cache_bytes", "read_tokens"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} is {value!r}; write a whole number from 1")


def default_room(
    bytes_a_token: int,
    image_tokens: int,
    free_bytes: int,
    *,
    on_cpu: bool = False,
    slots: int | None = None,
    cache_bytes: int | None = None,
) -> Room:
    """Settings from what the machine has free after the model was loaded.

        3B at 224 px, bfloat16: default_room(106_496, 256, 60 << 30)
        -> Room(slots=64, cache_bytes=32212254720, read_tokens=4096)

    Half of an accelerator's free memory, the other half being for prefills; a quarter of a CPU's,
    which pictures, other programs and the mapped file of weights share. As many slots as usual
    requests fit, each one picture, a prompt and an answer: up to 64, on a CPU up to 8, where a
    step's work grows with its rows. There is always room for one usual request.

    Args:
        bytes_a_token: keys and values of one token in all layers.
        image_tokens: of one picture.
        free_bytes: of the memory that the model is in.
        slots: given, not computed; `cache_bytes` likewise.
    """
    usual = bytes_a_token * (image_tokens + ANSWER_TOKENS)
    if cache_bytes is None:
        cache_bytes = max(free_bytes // (4 if on_cpu else 2), usual)
    if slots is None:
        slots = max(1, min(cache_bytes // usual, MOST_ON_CPU if on_cpu else MOST_ELSEWHERE))
    return Room(slots, cache_bytes, READ_ON_CPU if on_cpu else READ_ELSEWHERE)
