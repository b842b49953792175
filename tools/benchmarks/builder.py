"""Speed of the builder, whose rows reach Arrow as tables, against the same rows one by one.

python tools/benchmarks/builder.py [--rows N] [--rounds N]

The arrays are drawn once and handed to both, so that only the preparation counts. Both run in turn, each time in a
process of its own.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # `generator` is the package, not the script

import datasets
import numpy as np
from tqdm import tqdm

from generator import Dataset, Parameters, make_dataset
from mnist1d import Mnist1D, Part, Whole

SPLITS = ("train", "test")


def draw(rows: int, folder: Path) -> None:
    """Draw the arrays of both splits into a folder."""
    data = make_dataset(Parameters(num_samples=rows))
    np.savez(folder / "train.npz", x=data.x, y=data.y)
    np.savez(folder / "test.npz", x=data.x_test, y=data.y_test)


class Tables(Mnist1D):
    """The builder as it is, but for where its arrays come from."""

    arrays: dict[str, dict[str, Any]]

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        train, test = (self.arrays[split] for split in SPLITS)
        whole = Whole(self.config.parameters)
        whole.data = Dataset(x=train["x"], y=train["y"], x_test=test["x"], y_test=test["y"])  # drawn already
        return [datasets.SplitGenerator(name=split, gen_kwargs={"parts": [Part(whole, split)]}) for split in SPLITS]


class Rows(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets ships no types
    """A plain builder that yields the rows of the same arrays."""

    arrays: dict[str, dict[str, Any]]
    _info = Mnist1D._info
    _split_generators = Tables._split_generators
    _generate_examples = Mnist1D._generate_examples


BUILDERS = {"tables": Tables, "rows": Rows}


class Run(NamedTuple):
    """Cost of one preparation."""

    cpu: float  # seconds
    wall: float  # seconds
    memory: float  # bytes of the peak beyond the arrays, the interpreter and its modules


def peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def prepare(name: str, folder: Path, cache: Path) -> Run:
    """Prepare the rows of the folder's arrays in a cache."""
    datasets.disable_progress_bars()
    builder = BUILDERS[name](cache_dir=str(cache))
    builder.arrays = {split: dict(np.load(folder / f"{split}.npz")) for split in SPLITS}
    before, cpu, wall = peak_memory(), time.process_time(), time.perf_counter()
    builder.download_and_prepare()
    return Run(time.process_time() - cpu, time.perf_counter() - wall, peak_memory() - before)


def check_equal(caches: list[Path]) -> None:
    """Compare what the two wrote."""
    for split in SPLITS:
        first, second = (
            datasets.concatenate_datasets([datasets.Dataset.from_file(str(file)) for file in files]).data.table
            for files in (sorted(cache.rglob(f"*-{split}*.arrow")) for cache in caches)
        )
        if not first.equals(second):
            raise SystemExit(f"The two builders wrote different rows into {split}")


def measure(rows: int, rounds: int) -> dict[str, list[Run]]:
    """Both in turn; this process stays small, as children may inherit its peak memory."""
    runs: dict[str, list[Run]] = {name: [] for name in BUILDERS}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_new_process(draw, rows, folder)
        for turn in tqdm(range(rounds), f"{rows:,} rows", unit="round", disable=None):
            with TemporaryDirectory(dir=folder) as caches:
                for name in BUILDERS:
                    runs[name].append(in_new_process(prepare, name, folder, Path(caches) / name))
                if turn == 0:
                    in_new_process(check_equal, [Path(caches) / name for name in BUILDERS])
    return runs


def in_new_process(function: Any, *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the builder against one that yields row by row.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="(default: 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    arguments = parser.parse_args()

    runs = measure(arguments.rows, arguments.rounds)
    print(f"Python {platform.python_version()}, datasets {datasets.__version__}, {platform.machine()}")
    print(f"{arguments.rows:,} rows, {arguments.rounds} rounds: medians")
    for name, values in runs.items():
        cpu, wall, memory = (median(column) for column in zip(*values, strict=True))
        print(f"  {name:7} {cpu:6.2f} s of CPU time, {wall:6.2f} s of wall time, peak memory {memory / 1e6:5.0f} MB")
    for clock in ("cpu", "wall"):
        pairs = [
            getattr(rows, clock) / getattr(tables, clock)
            for rows, tables in zip(runs["rows"], runs["tables"], strict=True)
        ]
        spread = f"{median(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f})"
        print(f"rows / tables, {clock:4} time: limit >= 3, measured {spread}")


if __name__ == "__main__":
    main()
