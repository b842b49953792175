"""What each picture is drawn from; every file carries it, so that a test finds a picture that is out of date."""

from __future__ import annotations

from typing import Any

from card import MODELS, RESULTS
from card.mnist import PACKAGE
from card.table import read_table
from generator import get_templates
from mnist1d import Mnist1D

CONFIGS = Mnist1D.builder_configs
DEFAULT = CONFIGS[Mnist1D.DEFAULT_CONFIG_NAME].parameters

SOURCES: dict[str, Any] = {
    **{f"samples-{name}.png": config.parameters for name, config in CONFIGS.items()},
    "templates.png": (PACKAGE, get_templates()["x"].round(4).tolist()),  # finer than can be seen
    "transformations.gif": DEFAULT,
    "steps.png": DEFAULT,
    "tsne.png": (PACKAGE, DEFAULT),
    "models.png": read_table(MODELS, RESULTS).rows,
}
