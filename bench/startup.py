"""How long `import palikit` and `palikit --help` take: python bench/startup.py

The fastest of twenty fresh processes each, and what stands above that of a bare interpreter. The
budgets are 0.2 s for the import and 0.3 s for the help; tests hold what makes them possible, that
neither imports anything heavy.
"""

import subprocess
import sys
import time

RUNS = 20
COMMANDS = {
    "a bare interpreter": "pass",
    "import palikit": "import palikit",
    "palikit --help": "import sys; from palikit.cli.main import run; sys.exit(run(['--help']))",
}


def fastest(code: str) -> float:
    """Seconds of the fastest run in a fresh process; the others waited for something else."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    return min(taken)


if __name__ == "__main__":
    bare = 0.0
    for name, code in COMMANDS.items():
        seconds = fastest(code)
        bare = bare or seconds
        print(f"{name:<20} {seconds:.3f} s  (+{seconds - bare:.3f} s)")
