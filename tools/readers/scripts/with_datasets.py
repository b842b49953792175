"""load_dataset from a folder, from files and from a Hub; streaming; NumPy format."""

from collections.abc import Callable
from typing import Any

import numpy as np
from answer import BOTH, PLAN, SPLITS, Answer
from datasets import __version__, load_dataset

answer = Answer()
places: dict[str, Callable[..., Any]] = {
    "folder": lambda config, **options: load_dataset(PLAN["folder"], config, **options),
    "files": lambda config, **options: load_dataset("parquet", data_files=data_files(config), **options),
    "Hub": lambda config, **options: load_dataset(PLAN["repo_id"], config, **options),
}


def data_files(config: str) -> dict[str, str]:
    """Patterns of the Parquet files by split."""
    return {split: f"{PLAN['folder']}/{PLAN['configs'][config]}/{split}-*.parquet" for split in SPLITS}


def arrays(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """The columns as Arrow holds them."""
    table = dataset.with_format("arrow")[:]
    x, y = (table[name].combine_chunks() for name in ("x", "y"))
    x = x.chunk(0) if hasattr(x, "chunk") else x  # pyarrow 14 gives a chunked array of one chunk
    return x.flatten().to_numpy().reshape(len(y), -1), y.to_numpy()


for place, load in places.items():
    for config in PLAN["configs"]:
        with answer.checking(place):
            splits = load(config)
            for split in splits:
                answer.found(place, place, config, split, *arrays(splits[split]))
        with answer.checking(BOTH):
            answer.found(BOTH, place, config, BOTH, *arrays(load(config, split=BOTH)))
        with answer.checking("streaming"):
            streams = dict(load(config, streaming=True))
            if int(__version__.partition(".")[0]) >= 5:  # the first that adds up splits when streaming
                streams[BOTH] = load(config, split=BOTH, streaming=True)
            for split, stream in streams.items():
                rows = list(stream)
                x, y = (np.array([row[name] for row in rows]) for name in ("x", "y"))
                answer.found("streaming", place, config, split, x, y)

with answer.checking("numpy"):
    for config in PLAN["configs"]:
        for split in SPLITS:
            dataset = places["folder"](config, split=split)
            columns = dataset.with_format("numpy", dtype=None)[:]
            answer.found("numpy", "folder", config, split, columns["x"], columns["y"])
            dataset.set_format("numpy")
            answer.told('set_format("numpy")', **dataset[:])

answer.print()
