"""The way a student takes: parameters by name, and datasets that show themselves."""

from __future__ import annotations

import copy
import json
import pickle
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist1d
from generator import Dataset
from generator.anatomy import take_apart
from mnist1d import RECIPES, Mnist1D, Parameters, load_arrays, make_dataset

ROOT = Path(__file__).parents[1]
untyped: Any = load_arrays


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
    """A value given by name replaces the config's."""
    x, _ = load_arrays("large-padding", num_samples=100, split="test")
    wanted = make_dataset(Mnist1D("large-padding", num_samples=100).config.parameters)
    np.testing.assert_array_equal(x, wanted.x_test)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_dataset(num_sample=9), "'num_sample' is not a parameter of MNIST-1D. Did you mean 'num_samples'"),
        (lambda: make_dataset("udl-8.3"), "parameters='udl-8.3' is not allowed: give Parameters, a Recipe "),
        (lambda: make_dataset(8000), "parameters=8000 is not allowed: "),
        (lambda: make_dataset(num_samples=8), "num_samples=8 is not allowed: give an integer "),
        (lambda: make_dataset(train_split=80), "train_split=80 is not allowed: give a number from 0 to 1"),
        (lambda: make_dataset(dtype="int8"), "dtype='int8' is not allowed: give float64 or float32"),
        (lambda: make_dataset(label_noise=15), "label_noise=15 is not allowed: give a number from 0 to 1"),
        (lambda: untyped(8000), "parameters=8000 is not allowed: "),
        (lambda: load_arrays("defualt"), "'defualt' is not a config. Did you mean 'default'? Allowed: default, shuf"),
        (lambda: load_arrays(split="validation"), "'validation' is not a split. Allowed: train, test, train+test."),
        (lambda: load_arrays(seed=7, source="somewhere"), "somewhere has fixed samples. "),
    ],
)
def test_refused(call: Any, words: str) -> None:
    """One line says what is allowed."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}[^\n]*$"):
        call()


@pytest.mark.parametrize(
    "data",
    [make_dataset(num_samples=100), mnist1d.data.make_dataset(Parameters(num_samples=100))],
    ids=["ours", "theirs"],
)
def test_dataset_as_a_dictionary(data: Dataset) -> None:
    """A dictionary whose keys are attributes, for both functions, and for every copy."""
    assert sorted(data) == ["t", "templates", "x", "x_test", "y", "y_test"]
    copies = [copy.copy(data), copy.deepcopy(data), data.copy()]
    copies += [pickle.loads(pickle.dumps(data, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for each in [data, *copies]:
        assert type(each) is Dataset
        assert isinstance(each, dict)
        assert each.parameters == Parameters(num_samples=100)
        assert all(each[name] is getattr(each, name) is dict(each)[name] for name in data)
        assert set(data) < set(dir(each))
        np.testing.assert_array_equal(each.x, data["x"])
    changed = copies[0]
    changed.x = changed["y_validation"] = np.zeros(3)
    assert changed["x"] is changed.y_validation
    assert len(data.x) == 80
    with pytest.raises(KeyError, match=r"'x_tset' is not in this dataset\. Did you mean 'x_test'"):
        data["x_tset"]
    with pytest.raises(AttributeError, match=r"'x_tset' is not in this dataset\. Did you mean 'x_test'"):
        _ = data.x_tset


def test_dtype() -> None:
    """Rounded float64, of all that is drawn, by name or by NumPy's object."""
    data, exact = make_dataset(num_samples=100, dtype=np.float32), make_dataset(num_samples=100)
    for name in ("x", "x_test", "t"):
        assert data[name].dtype == np.float32
        np.testing.assert_array_equal(data[name], exact[name].astype(np.float32))
    np.testing.assert_array_equal(load_arrays(num_samples=100, dtype="float32")[0], data.x)


def test_label_noise() -> None:
    """One call draws the labels that notebook 8.3 trains on; nothing else changes, and no global state."""
    args = mnist1d.data.get_dataset_args()
    args.num_samples, args.train_split = 8000, 0.5
    theirs = mnist1d.data.make_dataset(args)
    for row in range(len(theirs["y"])):  # as the notebook does it
        if random.random() < 0.15:
            theirs["y"][row] = int(random.random() * 10)
    state = random.getstate()
    data = make_dataset(RECIPES["udl-8.3"], label_noise=RECIPES["udl-8.3"].label_noise)
    assert random.getstate() == state
    for name in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(data[name], theirs[name])
    assert 0.1 < np.mean(data.y != make_dataset(RECIPES["udl-8.3"]).y) < 0.15


FIRST = """
import json, sys
import mnist1d
data = mnist1d.make_dataset(num_samples=100)
x, y = mnist1d.load_arrays(mnist1d.RECIPES["udl-8.1"], num_samples=100)
print(json.dumps([name for name in ("datasets", "pyarrow", "matplotlib", "huggingface_hub") if name in sys.modules]))
assert {"make_dataset", "load_arrays", "Parameters", "RECIPES", "Mnist1D"} <= set(mnist1d.__all__) <= set(dir(mnist1d))
assert all(getattr(mnist1d, name).__doc__ for name in mnist1d.__all__)
"""


def test_one_door() -> None:
    """Arrays come without `datasets`; all that a student needs is listed and documented."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    with pytest.raises(AttributeError, match=r"no attribute 'load_array'\. Did you mean 'load_arrays'"):
        _ = mnist1d.load_array


def test_shown() -> None:
    """A line or two each."""
    shown = [make_dataset(num_samples=100), Parameters(seed=7), RECIPES["udl-8.3"], *RECIPES.values()]
    assert max(len(repr(thing)) for thing in shown) < 240
    assert len(repr(RECIPES)) < 600
    assert "seed=7" in repr(Parameters(seed=7))
    assert "num_samples=8000, train_split=0.5" in repr(RECIPES["udl-8.3"])


@pytest.mark.parametrize("changed", [{}, {"shuffle_seq": True}, {"final_seq_length": 80}, {"train_split": 0}])
def test_plot(changed: dict[str, Any]) -> None:
    """Ten digits, each a sample of its class, from top to bottom, the points of the digit in blue and shaded."""
    pytest.importorskip("matplotlib").use("Agg")
    data = make_dataset(num_samples=1000, dtype="float32", **changed)
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    axes = data.plot().axes
    assert [axis.get_title() for axis in axes] == [str(digit) for digit in range(10)]
    assert axes[0].yaxis_inverted()
    for digit, axis in enumerate(axes):
        signal, inside = (line.get_xdata() for line in axis.lines)
        row = int(np.flatnonzero((x == signal).all(axis=1))[0])
        assert y[row] == digit
        wanted = take_apart(data.parameters or Parameters(), np.array([row])).span[0]
        np.testing.assert_array_equal(np.isfinite(inside), wanted)
        shades: list[Any] = list(axis.patches)
        assert sum(shade.get_height() for shade in shades) == wanted.sum()


def test_plot_of_unknown_samples() -> None:
    """Samples that the parameters do not give are not shaded, nor are samples without parameters."""
    pytest.importorskip("matplotlib").use("Agg")
    data = make_dataset(num_samples=100)
    other = Dataset(make_dataset(num_samples=100, seed=7))
    for parameters in (None, data.parameters, Parameters(num_samples=10), Parameters(final_seq_length=50)):
        other.parameters = parameters
        assert not any(axis.patches for axis in other.plot().axes)


CELLS = [
    "import mnist1d\ndata = mnist1d.make_dataset()",
    "data.plot()",
    "figure = data.plot()",
    "figure",
    "data.plot(); 1",
]


def test_plot_in_a_notebook() -> None:
    """Each cell shows one picture, whether the figure is its result or not."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, CELLS)))
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in notebook.cells]
    assert shown == [0, 1, 1, 1, 1]


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        make_dataset(num_samples=100).plot()


def test_more_than_fits() -> None:
    """The message comes before anything is drawn, with the way that works."""
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
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "sharded stream" in done.stderr.splitlines()[-1]
