"""Compare this interpreter's datasets with digests: NumPy alone, for machines that have nothing else.

python -m tests.on_this_machine < digests.json, which is a list of [parameters, stream, {array: SHA-256}]
"""

from __future__ import annotations

import json
import platform
import sys
import time
from typing import Any

import numpy as np

from generator import Parameters, make_dataset, make_shard
from tests import golden


def digests(parameters: dict[str, Any], stream: str) -> dict[str, str]:
    """Digests of a dataset, or of the first training shard of the sharded stream."""
    p = Parameters(**parameters)
    if stream == "sharded":
        return dict(zip("xy", map(golden.sha256, make_shard(p, "train", 0)), strict=True))
    return golden.digests(make_dataset(p))


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
