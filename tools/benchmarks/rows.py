"""CPU time of publishing a script that yields rows one by one, against `download_and_prepare` and `to_parquet`.

python tools/benchmarks/rows.py [--rows N] [--rounds N]

Both run in turn, each time in a separate process, for short rows and for long ones. The command publishes to the Hub of
`loopback` on this machine, which is not counted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # this folder is no package otherwise

from tools.benchmarks.command import cpu_time, show
from tools.benchmarks.publishing import REPO_ID, a_hub

LIMIT = 1.15
TEXTS = {"about 100 bytes": 5, "about 600 bytes": 30}  # a row: how often its text is repeated
SCRIPT = """
import datasets

class Rows(datasets.GeneratorBasedBuilder):
    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features({
            "id": datasets.Value("int64"),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["even", "odd"]),
            "x": datasets.Sequence(datasets.Value("float32")),
        }))

    def _split_generators(self, dl_manager):
        return [datasets.SplitGenerator(name="train", gen_kwargs={})]

    def _generate_examples(self):
        for i in range(ROWS):
            yield i, {"id": i, "text": f"the text of row {i} " * TIMES, "label": i % 2, "x": [i * 0.5, i * 0.25, 1.0]}
"""
PLAIN = """
import sys
from script import Rows

builder = Rows(cache_dir=sys.argv[1] + "/cache")
builder.download_and_prepare()
builder.as_dataset("train").to_parquet(sys.argv[1] + "/train.parquet")
"""


def measure(rows: int, times: int) -> tuple[float, float]:
    """One of each."""
    with TemporaryDirectory() as name, a_hub(Path(name)) as environment:
        hub = {**environment, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
        script = Path(name, "script.py")
        script.write_text(SCRIPT.replace("ROWS", f"{rows}").replace("TIMES", f"{times}"))
        published = cpu_time("-m", "publisher", script, REPO_ID, env=hub, cwd=ROOT)
        return published, cpu_time("-c", PLAIN, name, env=hub, cwd=name)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure publishing rows of a script against datasets alone.")
    parser.add_argument("--rows", type=int, default=400_000, help="(default: 400000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    arguments = parser.parse_args()
    for size, times in TEXTS.items():
        print(f"{arguments.rows:,} rows of {size}")
        show([measure(arguments.rows, times) for _ in range(arguments.rounds)], "command", "datasets alone", LIMIT)


if __name__ == "__main__":
    main()
