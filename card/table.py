"""The table of models: what the authors found, next to what `tools/benchmarks/models.py` measured."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MNIST = "mnist"


@dataclass(frozen=True)
class Model:
    """A model and what its authors say of it."""

    name: str
    authors: Mapping[str, str]  # dataset -> test accuracy in percent, as they write it: 68 or 99+
    paper: str = ""  # a link to its own, if the authors of MNIST-1D did not try the model

    @property
    def short(self) -> str:
        """The name without the architecture."""
        return self.name.split(",")[0]


@dataclass(frozen=True)
class Cell:
    """Runs of one model on one dataset."""

    parameters: int
    steps: int
    accuracy: Sequence[float]  # of each seed, in percent of the test split, after the last step
    mean: float
    std: float | None  # of the seeds; None if there is only one

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.std is None else f"{self.mean:.1f} ± {self.std:.1f}"


@dataclass(frozen=True)
class Row:
    """One model on all datasets."""

    key: str
    model: Model
    cells: Mapping[str, Cell]  # by dataset


@dataclass(frozen=True)
class Table:
    """The table, and how it was measured."""

    rows: Sequence[Row]
    nearest: Mapping[str, float]  # dataset -> test accuracy of the nearest neighbour, in percent
    sizes: Mapping[str, Mapping[str, int]]  # dataset -> split -> samples
    seeds: int
    torch: str

    def datasets(self, configs: Collection[str]) -> list[str]:
        """MNIST, which only the authors' models were trained on, and the configs that all models were trained on."""
        return [MNIST, *(name for name in configs if all(name in row.cells for row in self.rows))]

    def _on(self, dataset: str) -> list[Row]:
        return [row for row in self.rows if dataset in row.cells]

    def gap(self, dataset: str, better: str, worse: str) -> float:
        """Points between the mean accuracies of two models."""
        means = {row.key: row.cells[dataset].mean for row in self._on(dataset)}
        return means[better] - means[worse]

    def best(self, dataset: str) -> Model:
        """The model of the highest mean accuracy."""
        return max(self._on(dataset), key=lambda row: row.cells[dataset].mean).model

    def best_mean(self, dataset: str) -> float:
        """The highest mean accuracy."""
        return max(row.cells[dataset].mean for row in self._on(dataset))

    def spread(self, dataset: str) -> float:
        """Points between the mean accuracies of the best and the worst model."""
        means = [row.cells[dataset].mean for row in self._on(dataset)]
        return max(means) - min(means)

    def unreached(self, configs: Collection[str]) -> Iterator[tuple[Row, dict[str, str]]]:
        """Values of the authors, by config, that no seed came up to when rounded as theirs are."""
        for row in self.rows:
            authors = {name: row.model.authors[name] for name in configs if name in row.model.authors}
            values = {
                name: value for name, value in authors.items() if round(max(row.cells[name].accuracy)) < number(value)
            }
            if values:
                yield row, values


def number(value: str) -> int:
    """An accuracy of the authors as a number.

    Examples
    --------
    >>> number("99+"), number("68"), number("about 30")
    (99, 68, 30)
    """
    return int("".join(filter(str.isdigit, value)))


def read_table(models: Mapping[str, Model], results: Path) -> Table:
    """The table from a results file.

    Parameters
    ----------
    models : mapping of str to Model
        Names in the results file -> models, in the order of the rows.
    results : path
        What `tools/benchmarks/models.py` wrote.

    Returns
    -------
    Table
    """
    measured = json.loads(results.read_text(encoding="utf-8"))
    rows = [
        Row(key, model, {dataset: Cell(**cell) for dataset, cell in measured["models"][key].items()})
        for key, model in models.items()
    ]
    return Table(
        rows,
        nearest=measured["nearest_neighbour"],
        sizes=measured["sizes"],
        seeds=len(measured["settings"]["seeds"]),
        torch=measured["versions"]["torch"],
    )
