"""A dataset as a file to take away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from generator import Dataset
from generator.arrays import Floats


def write_parquet(data: Dataset, path: Path) -> None:
    """`x`, a list of float64, `y` and `split`, a row for each sample."""
    x, y, split = _together(data)
    columns = {"x": pa.array(list(x)), "y": pa.array(y), "split": split}
    pyarrow.parquet.write_table(pa.table(columns), path, compression="zstd")


def write_csv(data: Dataset, path: Path) -> None:
    """`y`, `split` and a column for each point; numbers read back to the last bit."""
    x, y, split = _together(data)
    points = {f"x{point}": pa.array(column) for point, column in enumerate(x.T)}
    pyarrow.csv.write_csv(pa.table({"y": pa.array(y), "split": split, **points}), path)


def write_numpy(data: Dataset, path: Path) -> None:
    """`x`, `y`, `x_test`, `y_test` and `t`, the names of the authors' file, for `numpy.load`."""
    np.savez_compressed(path, x=data.x, y=data.y, x_test=data.x_test, y_test=data.y_test, t=data.t)


WRITE: dict[str, tuple[str, Callable[[Dataset, Path], None]]] = {
    "Parquet": (".parquet", write_parquet),
    "CSV": (".csv", write_csv),
    "NumPy": (".npz", write_numpy),
}


def write(data: Dataset, kind: str, folder: Path) -> Path:
    """Write a file of a kind into a folder, and say where it is."""
    suffix, function = WRITE[kind]
    path = folder / f"mnist1d{suffix}"
    function(data, path)
    return path


def _together(data: Dataset) -> tuple[Floats, np.ndarray, pa.Array]:
    split = ["train"] * len(data.y) + ["test"] * len(data.y_test)
    return np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test]), pa.array(split)
