"""What can be measured: one row a benchmark, by the name that `palikit eval` takes."""

from palikit.eval.benchmarks.values import Benchmark, Item

__all__ = ["BENCHMARKS", "Benchmark", "Item"]

BENCHMARKS: dict[str, Benchmark] = {}
