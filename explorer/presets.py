"""The parameters that have a name, which are configs and recipes, and what the card says of them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from generator import RECIPES, Parameters
from mnist1d import Mnist1D

RESULTS = Path(__file__).parents[1] / "card" / "models.json"
TRAINED = {"mlp": "MLP", "cnn": "CNN"}  # the models whose accuracies are shown, by their names in the results


def presets() -> dict[str, Parameters]:
    """Return parameters by label; recipes that are the default data under another name are left out.

    Examples
    --------
    >>> list(presets())
    ['default', ..., 'udl-8.3: Double descent', ...]
    """
    configs = {name: config.parameters for name, config in Mnist1D.builder_configs.items()}
    recipes = {
        f"{name}: {recipe.experiment}": recipe.parameters
        for name, recipe in RECIPES.items()
        if recipe.parameters != Parameters()
    }
    return {**configs, **recipes}


def trained_accuracies(parameters: Parameters) -> dict[str, float]:
    """Return the card's test accuracies in percent, by model; of configs only, because training takes minutes.

    Examples
    --------
    >>> trained_accuracies(Parameters(shuffle_seq=True))
    {'MLP': 65.43, 'CNN': 55.53}
    >>> trained_accuracies(Parameters(seed=7))
    {}
    """
    configs = [name for name, config in Mnist1D.builder_configs.items() if config.parameters == parameters]
    models = _results()["models"]
    return {
        label: models[model][configs[0]]["mean"]
        for model, label in TRAINED.items()
        if configs and configs[0] in models.get(model, {})
    }


@cache
def _results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))
