"""The model table: what the results file says, that the card says the same, and that the command writes such a file."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from card import MODELS, RESULTS
from card.table import read_table
from mnist1d import VERSION, Mnist1D, load_arrays

COMMAND = Path(__file__).parents[1] / "benchmarks" / "models.py"
PARAMETERS = {  # by length: those of the authors' notebook for 40 points
    40: {"logistic": 410, "mlp": 15_210, "cnn": 5_210, "gru": 5_134},
    80: {"logistic": 810, "mlp": 19_210, "cnn": 6_460, "gru": 9_934},
}
# How far from the authors' value the mean of three seeds may be, in points. Never to be widened: train for longer
BOUNDS = {
    ("logistic", "default"): 1.5,
    ("logistic", "shuffled"): 1.5,
    ("mlp", "default"): 6,
    ("mlp", "shuffled"): 6,
    ("cnn", "default"): 3,
    ("cnn", "shuffled"): 6,
    ("gru", "default"): 4,
    ("gru", "shuffled"): 6,
}
TABLE = read_table(MODELS, RESULTS)
MEANS = {(row.key, config): cell.mean for row in TABLE.rows for config, cell in row.cells.items()}


def check_form(results: dict[str, Any], data: Path | None, seeds: int) -> None:
    """The numbers belong together, and to the published data."""
    assert results["settings"]["seeds"] == list(range(seeds))
    assert (results["settings"]["optimizer"], results["settings"]["learning_rate"]) == ("Adam", 0.01)
    assert (results["settings"]["batch"], results["settings"]["order"]) == (100, "as in the file")
    assert results["versions"]["data"] == VERSION
    for config, digests in results["data"].items():
        for split, suffix in (("train", ""), ("test", "_test")):
            for column, array in zip("xy", load_arrays(config, split=split, source=data), strict=True):
                assert digests[column + suffix] == hashlib.sha256(array.tobytes()).hexdigest()
    for name, model in results["models"].items():
        assert set(model["configs"]) == set(results["data"])
        assert model["steps"] > 0
        for config, cell in model["configs"].items():
            accuracy = cell["accuracy"]
            length = Mnist1D.builder_configs[config].parameters.final_seq_length
            assert cell["parameters"] == PARAMETERS[length][name]
            assert len(accuracy) == seeds
            assert all(0 <= value <= 100 for value in accuracy)
            mean = sum(accuracy) / seeds
            assert cell["mean"] == pytest.approx(mean, abs=0.01)
            if seeds > 1:
                std = (sum((value - mean) ** 2 for value in accuracy) / (seeds - 1)) ** 0.5
                assert cell["std"] == pytest.approx(std, abs=0.01)
            else:
                assert cell["std"] is None


def test_results_are_of_the_published_data() -> None:
    """All configs, all models, at least three seeds, on arrays with the digests of the configs."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert list(results["data"]) == list(Mnist1D.builder_configs)
    assert list(results["models"]) == list(MODELS)
    assert len(results["settings"]["seeds"]) >= 3
    check_form(results, None, len(results["settings"]["seeds"]))


@pytest.mark.parametrize(("model", "config"), BOUNDS)
def test_near_the_authors(model: str, config: str) -> None:
    """The measured mean is about what the authors found."""
    assert abs(MEANS[model, config] - MODELS[model].authors[config]) <= BOUNDS[model, config]


def test_order_of_the_models() -> None:
    """What the dataset is for: it tells models apart, by whether they know of neighbours."""
    assert MEANS["cnn", "default"] - MEANS["mlp", "default"] > 20
    assert MEANS["mlp", "shuffled"] - MEANS["cnn", "shuffled"] > 3
    assert MEANS["cnn", "large-padding"] - MEANS["mlp", "large-padding"] > 40


def test_order_of_the_points() -> None:
    """As the card says, the linear model and the MLP do not notice the shuffle, and the two others do."""
    for model in ("logistic", "mlp"):
        assert abs(MEANS[model, "default"] - MEANS[model, "shuffled"]) < 3
    for model in ("cnn", "gru"):
        assert MEANS[model, "default"] - MEANS[model, "shuffled"] > 25


def test_the_card_shows_the_results(built: Path) -> None:
    """Every measured number and every one of the authors, in its row and its column."""
    card = (built / "README.md").read_text(encoding="utf-8")

    def cells(first: str, row: str) -> dict[str, str]:
        """A row of the table whose first column is headed so, by column."""
        table = card[re.search(rf"^\| {re.escape(first)}\|.*$", card, flags=re.MULTILINE).start() :]  # type: ignore[union-attr]
        lines = [re.search(rf"^\| {re.escape(name)}\|.*$", table, flags=re.MULTILINE) for name in (first, row)]
        columns, values = ([cell.strip() for cell in line[0].strip("|").split("|")] for line in lines if line)
        return dict(zip(columns, values, strict=True))

    for row in TABLE.rows:
        about = cells("the models ", f"{row.model.name} ")
        assert about["steps"] == f"{row.steps:,}"
        for length, parameters in PARAMETERS.items():
            assert about[f"parameters, {length} points"] == f"{parameters[row.key]:,}"
        accuracy = cells("", f"{row.model.short} ")
        for config in Mnist1D.builder_configs:
            measured = f"{row.cells[config].mean:.1f} ± {row.cells[config].std:.1f}"
            assert accuracy[f"`{config}`, measured"].replace("&nbsp;", " ") == measured
            authors = row.model.authors.get(config)
            assert accuracy.get(f"`{config}`, authors") == (None if authors is None else str(authors))
    for _, values in TABLE.unreached(list(Mnist1D.builder_configs)):
        assert ", ".join(f"{value} on `{config}`" for config, value in values.items()) in card


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason='needs torch: pip install -e ".[benchmark]"')
def test_a_run(built: Path, tmp_path: Path) -> None:
    """A few steps through the command write a results file, the same for the same seeds."""
    for number, jobs in enumerate((2, 1)):
        output = tmp_path / f"{number}.json"
        options = ["--steps", "3", "--seeds", "2", "--config", "shuffled", "--config", "large-padding"]
        options += ["--data", str(built), "--jobs", str(jobs), "--output", str(output)]
        run = subprocess.run([sys.executable, COMMAND, *options], capture_output=True, text=True, check=True)
        assert "gru       shuffled         5,134      3" in run.stdout
        check_form(json.loads(output.read_text(encoding="utf-8")), built, 2)
    assert (tmp_path / "0.json").read_bytes() == (tmp_path / "1.json").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason='needs torch: pip install -e ".[benchmark]"')
@pytest.mark.parametrize("options", [["--config", "default"], ["--model", "cnn"], ["--seeds", "0"], ["--steps", "no"]])
def test_wrong_options(options: list[str]) -> None:
    """One line says what to do, and the card's file is left alone."""
    before = RESULTS.read_bytes()
    run = subprocess.run([sys.executable, COMMAND, *options], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "give" in run.stderr.splitlines()[-1]
    assert RESULTS.read_bytes() == before
