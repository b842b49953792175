"""The way a student takes: parameters by name, and datasets that show themselves."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator import RECIPES, Parameters, make_dataset
from mnist1d import Mnist1D, load_arrays

ROOT = Path(__file__).parents[1]
untyped: Any = make_dataset
untyped_config: Any = 8000


@pytest.mark.parametrize("name", ["udl-8.3", "lottery-tickets-again"])
def test_recipes(name: str) -> None:
    """A recipe serves as its parameters do, everywhere."""
    recipe = RECIPES[name]
    wanted = make_dataset(recipe.parameters)
    for data in (make_dataset(recipe), make_dataset(**vars(recipe.parameters))):
        np.testing.assert_array_equal(data.x, wanted.x)
    np.testing.assert_array_equal(load_arrays(recipe)[0], wanted.x)
    np.testing.assert_array_equal(load_arrays(recipe.parameters, split="test")[0], wanted.x_test)
    assert Mnist1D(parameters=recipe, seed=7).config.parameters == replace(recipe.parameters, seed=7)
    with pytest.raises(KeyError, match=r"udl-8\.3"):
        RECIPES["udl-8-3"]


def test_names_over_a_config() -> None:
    """What is given by name replaces what the config has."""
    x, _ = load_arrays("large-padding", num_samples=100, split="test")
    wanted = make_dataset(Mnist1D("large-padding", num_samples=100).config.parameters)
    np.testing.assert_array_equal(x, wanted.x_test)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_dataset(samples=100), "samples is not a parameter of MNIST-1D: give num_samples, "),
        (lambda: untyped("udl-8.3"), "parameters='udl-8.3' is not allowed: give Parameters, a Recipe "),
        (lambda: untyped(8000), "parameters=8000 is not allowed: "),
        (lambda: make_dataset(num_samples=8), "num_samples=8 is not allowed: give an integer "),
        (lambda: load_arrays(untyped_config), "parameters=8000 is not allowed: "),
        (lambda: load_arrays(seed=7, source="somewhere"), "somewhere has the samples that it has: "),
    ],
)
def test_refused(call: Any, words: str) -> None:
    """In one line that says what is allowed."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}[^\n]*$"):
        call()


def test_dataset_as_a_dictionary() -> None:
    """Names in brackets, in loops, in questions and in `dict` are those with a dot."""
    data = make_dataset(num_samples=100)
    assert list(data) == list(dict(data)) == ["x", "y", "x_test", "y_test", "t", "templates"]
    assert all(data[name] is getattr(data, name) is dict(data)[name] for name in data)
    assert "x_test" in data
    assert "z" not in data
    with pytest.raises(KeyError, match="give one of x, y"):
        data["z"]


def test_shown() -> None:
    """A line or two each."""
    shown = [make_dataset(num_samples=100), Parameters(seed=7), RECIPES["udl-8.3"], *RECIPES.values()]
    assert max(len(repr(thing)) for thing in shown) < 240
    assert len(repr(RECIPES)) < 600
    assert "seed=7" in repr(Parameters(seed=7))
    assert "num_samples=8000, train_split=0.5" in repr(RECIPES["udl-8.3"])


def test_plot() -> None:
    """Ten digits, each a sample of its class, time running down."""
    pytest.importorskip("matplotlib").use("Agg")
    data = make_dataset(num_samples=1000)
    axes = data.plot().axes
    assert [axis.get_title() for axis in axes] == [str(digit) for digit in range(10)]
    assert axes[0].yaxis_inverted()
    for digit, axis in enumerate(axes):
        row = int(np.flatnonzero((data.x == axis.lines[0].get_xdata()).all(axis=1))[0])
        assert data.y[row] == digit
        np.testing.assert_array_equal(axis.lines[0].get_ydata(), data.t)


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        make_dataset(num_samples=100).plot()


def test_more_than_fits() -> None:
    """Said at once, with the way that works."""
    with pytest.raises(MemoryError, match=r"^num_samples=4000000000 takes 2.56e\+03 GB .* sharded stream, [^\n]*$"):
        make_dataset(num_samples=4_000_000_000)


LIMITED = """
import resource
from generator import make_dataset
resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))
make_dataset(num_samples=3_000_000)
"""


def test_more_than_is_allowed() -> None:
    """A limit of the shell or of a job counts as well."""
    assert resource.RLIMIT_AS
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    assert "sharded stream" in done.stderr.splitlines()[-1]
