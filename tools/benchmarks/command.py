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

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "push_to_hub.py"
LIMIT = 1.6


def cpu_time(*command: str | Path) -> float:
    """Run Python with these arguments: the seconds of CPU time that it took."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], env=compiled, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure() -> tuple[float, float]:
    """One of each."""
    with TemporaryDirectory() as folder:
        return cpu_time(SCRIPT, "--output-dir", Path(folder) / "mnist1d"), cpu_time("-c", "import datasets")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the main job against the import of datasets.")
    parser.add_argument("--rounds", type=int, default=7, help="(default: 7)")
    measure()
    pairs = [measure() for _ in range(parser.parse_args().rounds)]
    ratios = [job / imported for job, imported in pairs]
    job, imported = (median(column) for column in zip(*pairs, strict=True))
    print(f"medians: {job:.2f} s of CPU time, import datasets {imported:.2f} s")
    print(f"ratio: limit <= {LIMIT}, measured {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
