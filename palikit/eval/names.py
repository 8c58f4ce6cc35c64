"""Benchmarks by name: the official ones, nano's own, and `own-<metric>` for a user's labels."""

from collections.abc import Sequence
from difflib import get_close_matches

from palikit.errors import UsageError

from . import benchmarks
from .benchmarks.values import Benchmark
from .nano import SCENES, suite
from .own import OWN, own_benchmark

__all__ = ["find_benchmark", "find_benchmarks"]


def find_benchmark(name: str) -> Benchmark:
    """The one benchmark of a name.

    Raises:
        UsageError: there is none, or, for `nano`, several.
    """
    found = find_benchmarks([name])
    if len(found) > 1:
        raise UsageError(f"{name} is several: name one of {', '.join(one.name for one in found)}")
    return found[0]


def find_benchmarks(names: Sequence[str], limit: int | None = None) -> list[Benchmark]:
    """The benchmarks of these names, each once; `nano` is all of its own, of `limit` scenes.

    Raises:
        UsageError: none, or an unknown one.
    """
    own = {one.name: one for one in suite(limit or SCENES)}
    known = {**benchmarks.BENCHMARKS, **own}
    if not names:
        raise UsageError("no benchmark was named: write for example palikit eval nano")
    chosen: dict[str, Benchmark] = {}
    for name in names:
        if name == "nano":
            chosen |= own
        elif name in known:
            chosen[name] = known[name]
        elif name.startswith(OWN):
            chosen[name] = own_benchmark(name)
        else:
            close = get_close_matches(name, ["nano", *known], n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else "see palikit eval --list"
            raise UsageError(f"unknown benchmark {name!r}: {hint}")
    return list(chosen.values())
