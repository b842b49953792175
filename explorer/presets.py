"""The parameters that have a name: configs and recipes."""

from __future__ import annotations

from generator import RECIPES, Parameters
from mnist1d import Mnist1D


def presets() -> dict[str, Parameters]:
    """Label -> parameters; recipes that are the default data under another name are left out.

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
