"""CPU time of the main job, `push_to_hub.py --output-dir`, against that of `import datasets` alone.

python tools/benchmarks/command.py [--rounds N]

Both run in turn, each time in a separate process, after one of each that is not counted: it compiles the modules.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "push_to_hub.py"
LIMIT = 1.6


def cpu_time(*command: str | Path, **options: Any) -> float:
    """Run Python with these arguments, and options of `subprocess.run`: the seconds of CPU time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(pairs: list[tuple[float, float]], one: str, other: str, limit: float) -> None:
    """Print the medians of two ways, and the ratios of their rounds."""
    ratios = [ours / theirs for ours, theirs in pairs]
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    print(f"medians: {one} {ours:.2f} s of CPU time, {other} {theirs:.2f} s")
    print(f"ratio: limit <= {limit}, measured {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def measure() -> tuple[float, float]:
    """One of each."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as folder:
        job = cpu_time(SCRIPT, "--output-dir", Path(folder) / "mnist1d", env=compiled)
    return job, cpu_time("-c", "import datasets", env=compiled)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the main job against the import of datasets.")
    parser.add_argument("--rounds", type=int, default=7, help="(default: 7)")
    rounds = parser.parse_args().rounds
    measure()
    show([measure() for _ in range(rounds)], "main job", "import datasets", LIMIT)


if __name__ == "__main__":
    main()
