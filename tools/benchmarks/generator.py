"""Speed, memory and import time against the original, the PyPI package `mnist1d`.

python tools/benchmarks/generator.py [--samples N ...] [--rounds N]

Both run in turn (ours, the original, ours, ...), each time in a separate process: the two packages share a name,
and next to this file, which is named as our package, `import generator` would find this file. The original is
installed once, into a separate folder below build/benchmarks, with the NumPy that ours uses.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "benchmarks"
ORIGINAL = "mnist1d==0.0.2.post1"
SLOW = 20_000  # samples from which one round of the original takes many seconds
SLOW_ROUNDS = 2
IMPORT_ROUNDS = 15
TOLERANCE = 1e-12  # the original's last bits differ from machine to machine

DRAW_OURS = """
from generator import Parameters, make_dataset

def draw(samples):
    data = make_dataset(Parameters(num_samples=samples))
    return data.x, data.y, data.x_test, data.y_test, data.t
"""
DRAW_ORIGINAL = """
from mnist1d.data import get_dataset_args, make_dataset

def draw(samples):
    arguments = get_dataset_args()
    arguments.num_samples = samples
    data = make_dataset(arguments)
    return data["x"], data["y"], data["x_test"], data["y_test"], data["t"]
"""
# The ten samples come first so that the peak before the draw is that of the interpreter and its modules.
MEASURE_DRAW = """
import json, resource, sys, time
import numpy as np

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

draw(10)
before, start = peak(), time.process_time()
arrays = draw(int(sys.argv[1]))
seconds, memory = time.process_time() - start, peak() - before
size = sum(array.nbytes for array in arrays)
"""
SAVE = "np.savez(sys.argv[2], *arrays); difference = 0.0"
COMPARE = """
ours = np.load(sys.argv[2]).values()
difference = max(float(abs(a - b).max()) for a, b in zip(arrays, ours, strict=True))
"""
REPORT = "print(json.dumps(dict(seconds=seconds, memory=memory / size, difference=difference)))"

MEASURE_IMPORT = """
import json, time
start = time.process_time()
import {module}
print(json.dumps(dict(seconds=time.process_time() - start)))
"""


class Run(NamedTuple):
    """Results of one process."""

    seconds: float  # of CPU time
    memory: float  # peak beyond the interpreter's own, in multiples of the result's size
    difference: float  # greatest, from our arrays


def install_original() -> Path:
    """The folder of the original and what it needs; made at the first call."""
    numpy = f"numpy=={version('numpy')}"
    folder = WORK / f"{ORIGINAL}-{numpy}-python{platform.python_version()}".replace("==", "-")
    if not folder.exists():
        print(f"Installing {ORIGINAL} into {folder.relative_to(ROOT)} ...")
        partial = folder.with_name("partial")
        shutil.rmtree(partial, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*pip, "--target", str(partial), ORIGINAL, numpy], check=True, cwd=WORK)
        partial.rename(folder)
    return folder


def run(code: str, path: Path, *arguments: object) -> dict[str, Any]:
    """Run code that finds its modules in `path` first, and read what it prints; all bytecode is cached."""
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONPYCACHEPREFIX": str(WORK / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, cwd=WORK, env=environment, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def measure_draws(samples: int, rounds: int, original: Path) -> tuple[list[Run], list[Run], list[Run]]:
    """Ours, the original, and ours by the original's names in turn, one process a draw."""
    arrays = WORK / "arrays.npz"
    ours, theirs, by_their_names = [], [], []
    for _ in tqdm(range(rounds), f"{samples:,} samples", unit="round", disable=None):
        ours.append(Run(**run("\n".join([DRAW_OURS, MEASURE_DRAW, SAVE, REPORT]), ROOT, samples, arrays)))
        theirs.append(Run(**run("\n".join([DRAW_ORIGINAL, MEASURE_DRAW, COMPARE, REPORT]), original, samples, arrays)))
        by_their_names.append(
            Run(**run("\n".join([DRAW_ORIGINAL, MEASURE_DRAW, COMPARE, REPORT]), ROOT, samples, arrays))
        )
    arrays.unlink()
    difference = max(measured.difference for measured in theirs)
    if not difference <= TOLERANCE:
        raise SystemExit(f"The arrays differ by {difference:.1e}: they must agree to {TOLERANCE:.0e}")
    if any(measured.difference for measured in by_their_names):
        raise SystemExit("The arrays by the original's names are others than ours: they must be equal")
    return ours, theirs, by_their_names


def measure_imports(original: Path) -> dict[str, list[float]]:
    """CPU seconds of `import` for the modules in turn; the first round, which writes bytecode, does not count."""
    paths = {"numpy": ROOT, "generator": ROOT, "mnist1d": original}
    seconds: dict[str, list[float]] = {module: [] for module in paths}
    for _ in tqdm(range(1 + IMPORT_ROUNDS), "imports", unit="round", disable=None):
        for module, path in paths.items():
            seconds[module].append(run(MEASURE_IMPORT.format(module=module), path)["seconds"])
    return {module: values[1:] for module, values in seconds.items()}


def ratios(above: list[float], below: list[float]) -> str:
    """Median, least and greatest of the ratios, pair by pair."""
    pairs = [a / b for a, b in zip(above, below, strict=True)]
    return f"{median(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f})"


def report_draws(
    samples: int, ours: list[Run], theirs: list[Run], by_their_names: list[Run]
) -> list[tuple[str, str, str]]:
    """Print the medians; rows of the summary: what, limit, measured."""
    print(f"\n{samples:,} samples, {len(ours)} rounds")
    for name, runs in {"ours": ours, "drop-in": by_their_names, "original": theirs}.items():
        microseconds = median(measured.seconds for measured in runs) / samples * 1e6
        memory = median(measured.memory for measured in runs)
        print(f"  {name:9} {microseconds:7.1f} us of CPU time a sample, peak memory {memory:5.2f} x the result")
    print(f"  arrays agree to {max(measured.difference for measured in theirs):.1e}")
    seconds = [[measured.seconds for measured in runs] for runs in (theirs, by_their_names, ours)]
    original, drop_in, own = seconds
    least = [min(runs) for runs in seconds]  # what is left where others share the machine least
    return [
        (f"original / ours, {samples:,} samples", ">= 15, aim 20", ratios(original, own)),
        ("the same, the fastest of each", ">= 15, aim 20", f"{least[0] / least[2]:.2f}"),
        (f"drop-in / ours, {samples:,} samples", "<= 1.03", ratios(drop_in, own)),
        ("the same, the fastest of each", "<= 1.03", f"{least[1] / least[2]:.2f}"),
        (f"peak memory / result, {samples:,} samples", "< 3", f"{max(measured.memory for measured in ours):.2f}"),
    ]


def report_imports(seconds: dict[str, list[float]]) -> list[tuple[str, str, str]]:
    """Print the medians; rows of the summary."""
    print(f"\nimport, {IMPORT_ROUNDS} rounds")
    for module, values in seconds.items():
        print(f"  {module:9} {median(values) * 1e3:7.1f} ms of CPU time")
    return [
        ("import generator / numpy", "<= 1.3", ratios(seconds["generator"], seconds["numpy"])),
        ("import original / numpy", "", ratios(seconds["mnist1d"], seconds["numpy"])),
    ]


def main() -> None:
    """Measure, print, and put the limits next to the measured values."""
    parser = argparse.ArgumentParser(description="Measure the generator against the original, the package mnist1d.")
    parser.add_argument("--samples", type=int, action="append", help="may be repeated (default: 5000 and 100000)")
    parser.add_argument("--rounds", type=int, default=5, help=f"(default: 5; from {SLOW} samples, {SLOW_ROUNDS})")
    arguments = parser.parse_args()

    WORK.mkdir(parents=True, exist_ok=True)
    original = install_original()
    print(f"Python {platform.python_version()}, NumPy {version('numpy')}, {platform.machine()}, {os.cpu_count()} cores")
    summary = []
    for samples in arguments.samples or [5_000, 100_000]:
        rounds = arguments.rounds if samples < SLOW else min(arguments.rounds, SLOW_ROUNDS)
        summary += report_draws(samples, *measure_draws(samples, rounds, original))
    summary += report_imports(measure_imports(original))

    print(f"\n{'':40}{'limit':15}measured")
    for what, limit, measured in summary:
        print(f"{what:40}{limit:15}{measured}")


if __name__ == "__main__":
    main()
