"""Compare this interpreter's datasets with digests: NumPy alone, for machines that have nothing else.

python -m tests.on_this_machine < digests.json, which is a list of [parameters, stream, {array: SHA-256}]
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from typing import Any

import numpy as np

from generator import Parameters, make_dataset, make_shard

ARRAYS = ("x", "y", "x_test", "y_test", "t")


def digest(array: np.ndarray) -> str:
    """SHA-256 of the little-endian bytes, which are the same on every machine."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def digests(parameters: dict[str, Any], stream: str) -> dict[str, str]:
    """Those of a dataset, or of the first training shard of the sharded stream."""
    p = Parameters(**parameters)
    if stream == "sharded":
        return dict(zip("xy", map(digest, make_shard(p, "train", 0)), strict=True))
    data = make_dataset(p)
    return {name: digest(data[name]) for name in ARRAYS}


def main() -> int:
    """Print a line; 1 if anything differs."""
    start = time.monotonic()
    wanted: list[tuple[dict[str, Any], str, dict[str, str]]] = json.load(sys.stdin)
    differ = [
        f"{stream} {parameters}: {name}"
        for parameters, stream, expected in wanted
        for name, found in digests(parameters, stream).items()
        if found != expected[name]
    ]
    where = (
        f"{platform.machine()} ({sys.byteorder}-endian, {sys.maxsize.bit_length() + 1} bits), NumPy {np.__version__}"
    )
    seconds = f"in {time.monotonic() - start:.0f} s"
    print(f"{where}: {'differs in ' + '; '.join(differ) if differ else f'{len(wanted)} datasets equal'}, {seconds}")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
