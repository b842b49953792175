"""The table of models: what the authors found, beside what `benchmarks/models.py` measured."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A model and what its authors say of it."""

    name: str
    authors: Mapping[str, int]  # config -> test accuracy in percent

    @property
    def short(self) -> str:
        """The name without the architecture."""
        return self.name.split(",")[0]


@dataclass(frozen=True)
class Cell:
    """Runs of one model on one config."""

    parameters: int
    accuracy: Sequence[float]  # of each seed, in percent of the test split, after the last step
    mean: float
    std: float | None  # of the seeds; None if there is only one

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.std is None else f"{self.mean:.1f} ± {self.std:.1f}"


@dataclass(frozen=True)
class Row:
    """One model on all configs."""

    key: str
    model: Model
    steps: int
    cells: Mapping[str, Cell]  # by config


@dataclass(frozen=True)
class Table:
    """The table, and how it was measured."""

    rows: Sequence[Row]
    seeds: int
    torch: str

    def configs(self, names: Collection[str]) -> list[str]:
        """Those of the configs that all models were trained on."""
        return [name for name in names if all(name in row.cells for row in self.rows)]

    def has_authors(self, config: str) -> bool:
        """Whether the authors' table has the config."""
        return any(config in row.model.authors for row in self.rows)

    def gap(self, config: str, better: str, worse: str) -> float:
        """Points between the mean accuracies of two models."""
        means = {row.key: row.cells[config].mean for row in self.rows}
        return means[better] - means[worse]

    def unreached(self, names: Collection[str]) -> Iterator[tuple[Row, dict[str, int]]]:
        """Values of the authors, by config, that no seed came up to when rounded as theirs are."""
        for row in self.rows:
            authors = {name: row.model.authors[name] for name in names if name in row.model.authors}
            values = {name: value for name, value in authors.items() if round(max(row.cells[name].accuracy)) < value}
            if values:
                yield row, values


def read_table(models: Mapping[str, Model], results: Path) -> Table:
    """The table from a results file.

    Parameters
    ----------
    models : mapping of str to Model
        Names in the results file -> models, in the order of the rows.
    results : path
        What `benchmarks/models.py` wrote.

    Returns
    -------
    Table
    """
    measured = json.loads(results.read_text(encoding="utf-8"))
    rows = [
        Row(
            key=key,
            model=model,
            steps=measured["models"][key]["steps"],
            cells={config: Cell(**cell) for config, cell in measured["models"][key]["configs"].items()},
        )
        for key, model in models.items()
    ]
    return Table(rows, seeds=len(measured["settings"]["seeds"]), torch=measured["versions"]["torch"])
