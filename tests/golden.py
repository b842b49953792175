"""Golden digests of parameter sets, compared with NumPy alone, for machines that have nothing else.

python -m tests.golden < digests.json, which is a list of [parameters, stream, SHA-256]
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from generator import Parameters, make_dataset, make_shard

ROOT = Path(__file__).parents[1]
ARRAYS = ("x", "y", "x_test", "y_test", "t")
PARAMETER_SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "shuffled": {"shuffle_seq": True},
    "large-padding": {"padding": (84, 132), "max_translation": 120, "final_seq_length": 80},
    "double-descent": {"num_samples": 8000, "train_split": 0.5},
    "seed-0-small": {"seed": 0, "num_samples": 1000},
    "padding-60-100": {"padding": (60, 100), "max_translation": 100},
}
SHA256 = {  # of the little-endian bytes of all arrays in C order, one array after the other
    "default": "29bca0e9e53d3bc8de1573225eebfa7dd123976fd3577ab5cfc4fd8d5172f73e",
    "shuffled": "1802f91bc9ffba8c54ca3fea89407922afc7e9f1a3f8da2a39e5a160719eae83",
    "large-padding": "864da6322629d968e2faba52754347e5d67dfe0363b66243620551f0a2b3e7b8",
    "double-descent": "f811ed0de6f3f9fc56224ee264ba73fcb42d165d7dda8c7c0f02ae3ca02f274a",
    "seed-0-small": "95cd0022905e8d83f78aceaf50524d2f9efd454e7bd7765638056102a7715f3e",
    "padding-60-100": "aa578565128f2ced1fa8d1ebeee37e4d588c64befbc17a38331c820fdb07ae7b",
}
EQUAL_POINTS: dict[str, Any] = {  # the first and the last point of every template are the same
    **{"padding": (0, 0), "max_translation": 1, "final_seq_length": 2},
    **dict.fromkeys(("scale_coeff", "corr_noise_scale", "iid_noise_scale", "shear_scale"), 0),
}


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of the little-endian bytes, which are the same on every machine."""
    return hashlib.sha256(b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes() for a in arrays)).hexdigest()


def digest_of(data: Mapping[str, np.ndarray]) -> str:
    """Digest of the arrays of a dataset."""
    return digest(*(data[name] for name in ARRAYS))


def draw_digest(parameters: dict[str, Any], stream: str = "authors") -> str:
    """Digest of a dataset, or of the first training shard of the sharded stream."""
    p = Parameters(**parameters)
    return digest(*make_shard(p, "train", 0)) if stream == "sharded" else digest_of(make_dataset(p))


def main() -> int:
    """Print a line; 1 if anything differs."""
    start = time.monotonic()
    wanted: list[tuple[dict[str, Any], str, str]] = json.load(sys.stdin)
    differ = [f"{stream} {p}" for p, stream, expected in wanted if draw_digest(p, stream) != expected]
    bits = sys.maxsize.bit_length() + 1
    where = f"{platform.machine()} ({sys.byteorder}-endian, {bits} bits), NumPy {np.__version__}"
    seconds = f"in {time.monotonic() - start:.0f} s"
    print(f"{where}: {'differs in ' + '; '.join(differ) if differ else f'{len(wanted)} datasets equal'}, {seconds}")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
