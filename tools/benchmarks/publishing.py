"""Speed of publishing in parts, against a plain loop that writes the same rows and sends them nowhere.

python tools/benchmarks/publishing.py [--rows N] [--workers N ...]

The command publishes to the Hub of `loopback` on this machine, in a separate process that is not counted, though it
takes its share of the cores. The loop takes the tables of the builder one after the other, writes a file for each split
with pyarrow, compressed in the same way, and hashes it.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # `generator` is the package, not the script

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from mnist1d import Mnist1D
from publisher.prepare import file_digest
from tools.benchmarks.builder import in_new_process

REPO_ID = "tester/benchmark"
GROUP_ROWS = 300_000  # of a row group, as the command has them
WRITING: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["y"],
    "column_encoding": {"x.list.element": "BYTE_STREAM_SPLIT"},
}


class Run(NamedTuple):
    """Cost of one way."""

    cpu: float  # seconds, of all its processes
    wall: float  # seconds
    memory: float  # bytes of the peak of the process that took most
    size: int  # bytes of the files


def used(who: int) -> tuple[float, float]:
    """CPU time and peak memory."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def row_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= GROUP_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def loop(rows: int, folder: Path) -> Run:
    """The plain loop."""
    start, size = time.perf_counter(), 0
    builder = Mnist1D(stream="sharded", num_samples=rows, cache_dir=str(folder / "cache"))
    for split in builder._split_generators(None):
        path = folder / f"{split.name}.parquet"
        tables = (table for _, table in builder._generate_tables(**split.gen_kwargs))
        with pq.ParquetWriter(path, builder.info.features.arrow_schema, **WRITING) as writer:
            for group in row_groups(tables):
                writer.write_table(group, row_group_size=len(group))
        file_digest(path)
        size += path.stat().st_size
    cpu, memory = used(resource.RUSAGE_SELF)
    return Run(cpu, time.perf_counter() - start, memory, size)


@contextmanager
def a_hub(folder: Path) -> Iterator[dict[str, str]]:
    """A Hub on this machine: the environment for its clients."""
    output = folder / "hub.log"
    arguments = [sys.executable, "-m", "loopback", "--port", "0", "--state", str(folder / "hub")]
    with output.open("w") as log, subprocess.Popen(arguments, cwd=ROOT, stdout=log) as hub:
        try:
            while "HF_HOME" not in output.read_text():
                time.sleep(0.1)
            exported = dict(re.findall(r"export (HF_\w+)=(\S+)", output.read_text()))
            yield {**os.environ, **exported, "HF_HOME": str(folder / "home")}
        finally:
            hub.terminate()


def publish(rows: int, workers: int, environment: dict[str, str]) -> Run:
    """The command."""
    start = time.perf_counter()
    arguments = ["--stream", "sharded", "--config", "default", "--set", f"num_samples={rows}", "--workers", workers]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "push_to_hub.py", REPO_ID, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    sizes = re.findall(r"add +\S+\.parquet +([0-9,]+) bytes", done.stdout)
    cpu, memory = used(resource.RUSAGE_CHILDREN)
    return Run(cpu, time.perf_counter() - start, memory, sum(int(size.replace(",", "")) for size in sizes))


def measure(rows: int, workers: list[int]) -> Iterator[tuple[str, Run]]:
    """One after the other, each in a separate process, whose children are its alone."""
    with TemporaryDirectory() as folder:
        yield "plain loop", in_new_process(loop, rows, Path(folder))
    for count in workers:
        with TemporaryDirectory() as folder, a_hub(Path(folder)) as environment:
            yield f"--workers {count}", in_new_process(publish, rows, count, environment)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure publishing in parts against a plain loop.")
    parser.add_argument("--rows", type=int, default=5_000_000, help="(default: 5000000)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="(default: 1 2)")
    arguments = parser.parse_args()

    print(f"Python {platform.python_version()}, datasets {datasets.__version__}, {platform.machine()}")
    print(f"{arguments.rows:,} rows of the config default:")
    runs = measure(arguments.rows, arguments.workers)
    for name, run in tqdm(runs, total=1 + len(arguments.workers), disable=None, leave=False):
        tqdm.write(
            f"  {name:12} {run.cpu / arguments.rows * 1e6:6.2f} core seconds a million rows, "
            f"{arguments.rows / run.wall:9,.0f} rows/s, {run.size / arguments.rows:6.1f} bytes a row, "
            f"peak memory {run.memory / 1e6:5.0f} MB"
        )


if __name__ == "__main__":
    main()
