"""Recipes and their page: every name gives the data of its experiment."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator import RECIPES, Parameters, make_dataset
from mnist1d import Mnist1D, load_arrays

DOCS = Path(__file__).parents[1] / "docs"
# Train and test, as the notebooks print them or say in their text; all others train on the published data
SIZES = {
    "udl-8.3": (4000, 4000),
    "double-descent": (4000, 12_000),
    "activation-function": (8000, 2000),
    **{f"pooling-{n}": (n - 1000, 1000) for n in (2000, 3000, 6000, 11_000, 21_000, 51_000)},
}


def table() -> dict[str, str]:
    """Name -> parameters, from the page."""
    page = (DOCS / "recipes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[^|]*\| ((?:`[\w.-]+`(?:, )?)+) \| (.*) \|$", page, flags=re.MULTILINE)
    return {name: parameters for names, parameters in rows for name in re.findall(r"`([^`]*)`", names)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if sum(size) > 20_000 else ()) for name, size in SIZES.items()]
)
def test_sizes(name: str) -> None:
    """Train and test are as large as in the notebook."""
    data = make_dataset(RECIPES[name].parameters)
    train, test = SIZES[name]
    assert (data.x.shape, data.y.shape) == ((train, 40), (train,))
    assert (data.x_test.shape, data.y_test.shape) == ((test, 40), (test,))


def test_the_others() -> None:
    """They use the published data, or as much of another draw."""
    for name in set(RECIPES) - set(SIZES):
        assert replace(RECIPES[name].parameters, seed=42) == Parameters()


def test_the_page_has_every_recipe() -> None:
    """And says of each what it is."""
    rows = table()
    assert set(rows) == set(RECIPES)
    for name, text in rows.items():
        code = text.strip("`")
        values = {} if code == "the defaults" else eval(f"dict({code})", {"n": RECIPES[name].parameters.num_samples})
        assert RECIPES[name].parameters == Parameters(**values)


def test_sources() -> None:
    """Each recipe names the notebook that it is from, and no recipe but two has label noise."""
    for name, recipe in RECIPES.items():
        assert re.fullmatch(r"https://github\.com/(greydanus|udlbook)/\S+/[\w-]+\.ipynb", recipe.source)
        if name.startswith("udl-"):
            assert name.replace("udl-", "").replace(".", "_") in recipe.source
    assert {name for name, recipe in RECIPES.items() if recipe.label_noise} == {"udl-8.3", "double-descent"}


def test_recipes_cannot_be_changed() -> None:
    """Recipes are read-only."""
    recipes: Any = RECIPES
    with pytest.raises(TypeError):
        recipes["udl-8.1"] = None


def test_recipe_through_the_builder() -> None:
    """The page's other way to the same data."""
    assert Mnist1D(parameters=RECIPES["udl-8.3"].parameters).config.parameters.num_samples == 8000


def test_order_of_the_classification_notebook() -> None:
    """It differs from the order of the config `shuffled`."""
    x, _ = load_arrays()
    shuffled, _ = load_arrays("shuffled")
    theirs = x[:, np.random.RandomState(42).permutation(40)]  # as the page has it
    assert np.array_equal(np.sort(theirs, axis=1), np.sort(x, axis=1))
    assert not np.allclose(theirs, shuffled)


def test_the_published_data_need_no_file() -> None:
    """`make_dataset()` draws the data that `get_dataset(args)` downloads."""
    x, y = load_arrays()
    data = make_dataset()
    assert np.array_equal(data.x, x)
    assert np.array_equal(data.y, y)
    data.y[0] = 0  # label noise, as the notebooks add it, is possible in place
