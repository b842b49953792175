"""The sharded stream: time against the original and against its normals alone, memory against the number of rows.

python tools/benchmarks/sharded.py [--shards N] [--rounds N] [--rows N ...] [--skip-memory]

All sides of a comparison take turns, each time in a separate process. The two sizes that memory is compared at are
prepared in the usual way, in a cache below build/benchmarks that is removed afterwards: 10,000,000 rows take 3.4 GB.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # `generator` is the package, not the script

import datasets
import numpy as np
from tqdm import tqdm

from generator.sharded import SHARD_ROWS
from mnist1d import Mnist1D
from tools.benchmarks.builder import in_new_process
from tools.benchmarks.generator import DRAW_ORIGINAL, ROOT, WORK, install_original, ratios, run

ORIGINAL_ROWS = 5_000  # it takes as long for each, however many there are

# All three give the CPU seconds of a row. What is done once a process comes before the clock starts.
TIME_SHARDS = """
import json, sys, time
from generator import Parameters
from generator.sharded import SHARD_ROWS, draw_shard

shards = int(sys.argv[1])
parameters = Parameters(num_samples=(shards + 1) * SHARD_ROWS, train_split=1)

def draw(index):
    for x, y in draw_shard(parameters, "train", index):
        pass

draw(shards)
start = time.process_time()
for index in range(shards):
    draw(index)
print(json.dumps(dict(seconds=(time.process_time() - start) / (shards * SHARD_ROWS))))
"""
TIME_NORMALS = """
import json, sys, time
from numpy.random import SFC64, Generator
from generator import Parameters
from generator.sharded import CHUNK_VALUES, SHARD_ROWS

rows, length, points = int(sys.argv[1]) * SHARD_ROWS, Parameters().signal_length, Parameters().final_seq_length
chunk = CHUNK_VALUES // (length + points)
random = Generator(SFC64(0))
random.standard_normal((chunk, 2 * length))
start = time.process_time()
for row in range(0, rows, chunk):
    random.standard_normal((min(chunk, rows - row), 2 * length))
print(json.dumps(dict(seconds=(time.process_time() - start) / rows)))
"""
TIME_ORIGINAL = f"""{DRAW_ORIGINAL}
import json, sys, time

draw(10)
start = time.process_time()
draw(int(sys.argv[1]))
print(json.dumps(dict(seconds=(time.process_time() - start) / int(sys.argv[1]))))
"""


class Times(NamedTuple):
    """CPU seconds of a row, one value a round."""

    ours: list[float]
    normals: list[float]
    original: list[float]


class Preparation(NamedTuple):
    """Cost of preparing a dataset in one process."""

    before: float  # bytes, peak of the interpreter and its modules
    own: float  # bytes, peak of the process
    workers: float  # bytes, peak of its largest worker; 0 without any
    wall: float  # seconds


def measure_times(shards: int, rounds: int) -> Times:
    """The three in turn."""
    original = install_original()
    times = Times([], [], [])
    for _ in tqdm(range(rounds), f"{shards} shards", unit="round", disable=None):
        times.ours.append(run(TIME_SHARDS, ROOT, shards)["seconds"])
        times.normals.append(run(TIME_NORMALS, ROOT, shards)["seconds"])
        times.original.append(run(TIME_ORIGINAL, original, ORIGINAL_ROWS)["seconds"])
    return times


def prepare(rows: int, workers: int | None, cache: str) -> Preparation:
    """Prepare so many rows in a cache."""
    datasets.disable_progress_bars()
    before, start = _peak(resource.RUSAGE_SELF), time.perf_counter()
    builder = Mnist1D("default", stream="sharded", num_samples=rows, cache_dir=cache)
    builder.download_and_prepare(num_proc=workers)
    wall = time.perf_counter() - start
    return Preparation(before, _peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN), wall)


def _peak(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure_memory(sizes: list[int], workers: int | None) -> list[Preparation]:
    """Each size in a new process and a new cache."""
    measured = []
    for rows in tqdm(sizes, f"memory, {workers or 'no'} workers", unit="size", disable=None):
        with TemporaryDirectory(dir=WORK) as cache:
            measured.append(in_new_process(prepare, rows, workers, cache))
    return measured


def report_times(times: Times) -> list[tuple[str, str, str]]:
    """Print the medians; rows of the summary: what, limit, measured."""
    for name, values in times._asdict().items():
        print(f"  {name:9} {median(values) * 1e6:7.2f} us of CPU time a row")
    ours = [value * 1e6 for value in times.ours]
    return [
        ("original / ours, CPU time", ">= 80", ratios(times.original, times.ours)),
        ("ours / normals alone, CPU time", "<= 2.2", ratios(times.ours, times.normals)),
        ("ours, us of CPU time a row", "<= 4", f"{median(ours):.2f} ({min(ours):.2f} to {max(ours):.2f})"),
    ]


def report_memory(sizes: list[int], workers: int | None, measured: list[Preparation]) -> list[tuple[str, str, str]]:
    """Print each size; the row of the summary."""
    print(f"\npreparing with {workers or 'no'} workers")
    for rows, one in zip(sizes, measured, strict=True):
        before, own, worker = (f"{memory / 1e6:.0f} MB" for memory in one[:3])
        print(f"  {rows:12,} rows: {one.wall:6.1f} s, peak {own}, {before} of it before; largest worker {worker}")
    peaks = [one.workers or one.own for one in measured]
    what = "peak of a worker" if workers else "peak memory"
    return [(f"{what}, {sizes[-1]:,} / {sizes[0]:,} rows", "<= 1.10", f"{peaks[-1] / peaks[0]:.3f}")]


def main() -> None:
    """Measure, print, and put the limits next to the measured values."""
    parser = argparse.ArgumentParser(description="Measure the sharded stream.")
    parser.add_argument("--shards", type=int, default=5, help=f"of {SHARD_ROWS} rows, drawn a round (default: 5)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument(
        "--rows", type=int, nargs=2, default=[1_000_000, 10_000_000], help="(default: 1 and 10 million)"
    )
    parser.add_argument("--skip-memory", action="store_true", help="measure time alone, prepare nothing")
    arguments = parser.parse_args()

    WORK.mkdir(parents=True, exist_ok=True)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, datasets {datasets.__version__}")
    summary = report_times(measure_times(arguments.shards, arguments.rounds))
    for workers in () if arguments.skip_memory else (None, 2):
        summary += report_memory(arguments.rows, workers, measure_memory(arguments.rows, workers))

    print(f"\n{'':48}{'limit':10}measured")
    for what, limit, measured in summary:
        print(f"{what:48}{limit:10}{measured}")


if __name__ == "__main__":
    main()
