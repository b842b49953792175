"""Compare this interpreter's datasets with digests: NumPy alone, for machines that have nothing else.

python -m tests.on_this_machine < digests.json, which is a list of [parameters, stream, SHA-256]
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


def digest(parameters: dict[str, Any], stream: str) -> str:
    """Digest of a dataset, or of the first training shard of the sharded stream."""
    p = Parameters(**parameters)
    return golden.digest(*make_shard(p, "train", 0)) if stream == "sharded" else golden.digest_of(make_dataset(p))


def main() -> int:
    """Print a line; 1 if anything differs."""
    start = time.monotonic()
    wanted: list[tuple[dict[str, Any], str, str]] = json.load(sys.stdin)
    differ = [f"{stream} {p}" for p, stream, expected in wanted if digest(p, stream) != expected]
    where = (
        f"{platform.machine()} ({sys.byteorder}-endian, {sys.maxsize.bit_length() + 1} bits), NumPy {np.__version__}"
    )
    seconds = f"in {time.monotonic() - start:.0f} s"
    print(f"{where}: {'differs in ' + '; '.join(differ) if differ else f'{len(wanted)} datasets equal'}, {seconds}")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
