"""The ways from a published config to a NumPy array, on the installed version of `datasets`.

python tools/benchmarks/reading.py [--rounds N]

The limit is one copy of the values: the files are read in pieces of 1,000 rows, and one array has to hold them all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # `generator` is the package, not the script

import datasets
import numpy as np
from numpy.typing import NDArray

from mnist1d import load_arrays

PUBLISH = ROOT / "scripts" / "push_to_hub.py"
Way = Callable[[datasets.Dataset], NDArray[np.float64]]


def values(rows: datasets.Dataset) -> NDArray[np.float64]:
    """The least that has to be done: the values of all pieces, copied into one array."""
    return np.concatenate([piece.flatten().to_numpy() for piece in rows.data["x"].chunks]).reshape(len(rows), -1)


WAYS: dict[str, Way] = {
    "the values of all pieces, copied once (the limit)": values,
    'data["x"].combine_chunks().flatten().to_numpy().reshape(len(dataset), -1)': lambda rows: (
        rows.data["x"].combine_chunks().flatten().to_numpy().reshape(len(rows), -1)
    ),
    'with_format("arrow")["x"][:].combine_chunks()...': lambda rows: (
        rows.with_format("arrow")["x"][:].combine_chunks().flatten().to_numpy().reshape(len(rows), -1)
    ),
    'with_format("numpy", dtype=None)["x"][:]': lambda rows: rows.with_format("numpy", dtype=None)["x"][:],
    'with_format("numpy", dtype=None)[:]["x"]': lambda rows: rows.with_format("numpy", dtype=None)[:]["x"],
    'np.stack(to_pandas()["x"])': lambda rows: np.stack(rows.to_pandas()["x"]),
    'np.array(rows["x"][:])': lambda rows: np.array(rows["x"][:]),
    'np.asarray(with_format("numpy")["x"]), float32': lambda rows: np.asarray(rows.with_format("numpy")["x"]),
}


def main() -> None:
    """Time every way in turn, so that all meet the same noise, and print medians as ratios to the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as work:
        folder, cache = Path(work, "repository"), str(Path(work, "cache"))
        subprocess.run([sys.executable, PUBLISH, "--output-dir", folder], check=True, capture_output=True)
        rows = datasets.load_dataset(str(folder), split="train", cache_dir=cache)
        expected, _ = load_arrays()
        times: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(rounds):
            for name, way in WAYS.items():
                start = time.perf_counter()
                found = way(rows)
                times[name].append(time.perf_counter() - start)
                assert np.array_equal(found, expected.astype(found.dtype))
        limit = median(next(iter(times.values())))
        print(f"datasets {datasets.__version__}, {len(rows):,} rows of {expected.shape[1]} float64")
        for name, taken in times.items():
            print(f"{1000 * median(taken):9.3f} ms  {median(taken) / limit:8.1f} x  {name}")
        start = time.perf_counter()
        load_arrays()
        print(f"{1000 * (time.perf_counter() - start):9.3f} ms  load_arrays(), drawn without a file")


if __name__ == "__main__":
    main()
