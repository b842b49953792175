"""The module `mnist1d`: arrays by name, datasets that show themselves, recipes, and the builder for `datasets`."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import datasets
import numpy as np
import pytest

import generator
import mnist1d
from card import CARD
from generator import Dataset
from generator.anatomy import take_apart
from generator.authors import split_rows
from loopback import Hub
from mnist1d import RECIPES, VERSION, Mnist1D, Parameters, load_arrays, make_dataset
from mnist1d_authors.builder import TABLE_ROWS
from publisher import main
from tests.golden import EQUAL_POINTS, PARAMETER_SETS, ROOT, SHA256, digest_of

CONFIGS = list(Mnist1D.builder_configs)
R = "tester/mnist1d"
SMALL: dict[str, Any] = {"num_samples": 100}  # 80 and 20
SCRIPTS_WORK = int(datasets.__version__.partition(".")[0]) < 4
# Train and test, as the notebooks print them or say in their text; all others train on the published data
SIZES = {
    **{"udl-8.3": (4000, 4000), "double-descent": (4000, 12_000), "activation-function": (8000, 2000)},
    **{f"pooling-{n}": (n - 1000, 1000) for n in (2000, 3000, 6000, 11_000, 21_000, 51_000)},
}
untyped: Any = load_arrays


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python in another process."""
    options = {"cwd": ROOT, **options}
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


def prepare(cache: Path, config_name: str | None = None, **overrides: Any) -> Mnist1D:
    builder = Mnist1D(config_name, cache_dir=str(cache), **overrides)
    builder.download_and_prepare()
    return builder


def first_row(**overrides: Any) -> Any:
    """The first row of a stream."""
    return next(iter(Mnist1D(**overrides).as_streaming_dataset(split="train")))


def arrays(builder: Mnist1D, split: str) -> dict[str, Any]:
    """The columns of a prepared split in one go, with their own dtypes."""
    return builder.as_dataset(split=split).with_format("numpy", dtype=None)[:]


def test_recipes() -> None:
    """Recipes serve as parameters everywhere, are read-only, name their notebook, and are on their page."""
    recipe = RECIPES["lottery-tickets-again"]
    wanted = make_dataset(recipe)
    np.testing.assert_array_equal(load_arrays(recipe)[0], wanted.x)
    np.testing.assert_array_equal(load_arrays(recipe.parameters, split="test")[0], wanted.x_test)
    assert Mnist1D(parameters=recipe, seed=7).config.parameters == replace(recipe.parameters, seed=7)
    recipes: Any = RECIPES
    with pytest.raises(TypeError):
        recipes["udl-8.1"] = None
    with pytest.raises(KeyError, match=r"udl-8\.3"):
        RECIPES["udl-8-3"]
    for name, recipe in RECIPES.items():
        assert re.fullmatch(r"https://github\.com/(greydanus|udlbook)/\S+/[\w-]+\.ipynb", recipe.source)
        assert not name.startswith("udl-") or name.replace("udl-", "").replace(".", "_") in recipe.source
        assert name in SIZES or replace(recipe.parameters, seed=42) == Parameters()
    splits = {name: tuple(split_rows(RECIPES[name].parameters, split) for split in ("train", "test")) for name in SIZES}
    assert splits == SIZES
    assert {name for name, recipe in RECIPES.items() if recipe.label_noise} == {"udl-8.3", "double-descent"}
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[^|]*\| ((?:`[\w.-]+`(?:, )?)+) \| (.*) \|$", page, flags=re.MULTILINE)
    table = {name: text.strip("`") for names, text in rows for name in re.findall(r"`([^`]*)`", names)}
    assert set(table) == set(RECIPES)
    for name, code in table.items():
        values = {} if code == "the defaults" else eval(f"dict({code})", {"n": RECIPES[name].parameters.num_samples})
        assert RECIPES[name].parameters == Parameters(**values)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_dataset(num_sample=9), "'num_sample' is not a parameter of MNIST-1D. Did you mean 'num_samples'"),
        (lambda: make_dataset("shuffled"), "parameters='shuffled' is not allowed: give Parameters, a Recipe "),
        (lambda: make_dataset(8000), "parameters=8000 is not allowed: "),
        (lambda: make_dataset(train_split=80), "train_split=80 is not allowed: give a number from 0 to 1"),
        (lambda: make_dataset(dtype="int8"), "dtype='int8' is not allowed: give float64 or float32"),
        (lambda: make_dataset(label_noise=15), "label_noise=15 is not allowed: give a number from 0 to 1"),
        (lambda: untyped(8000), "parameters=8000 is not allowed: "),
        (lambda: load_arrays("defualt"), "'defualt' is not a config. Did you mean 'default'? Allowed: default, shuf"),
        (lambda: load_arrays(split="validation"), "'validation' is not a split. Allowed: train, test, train+test."),
        (lambda: load_arrays(seed=7, source="somewhere"), "somewhere has fixed samples. "),
        (lambda: Mnist1D("defualt"), f"BuilderConfig 'defualt' not found. Available: {CONFIGS}"),
        (lambda: Mnist1D("defualt", seed=7), "BuilderConfig 'defualt' not found. "),
        (lambda: Mnist1D(sede=7), "'sede' is not a parameter of MNIST-1D. Did you mean 'seed'? Allowed: num_samples, "),
        (lambda: Mnist1D(seed=-1), "seed=-1 is not allowed: give an integer from 0 to 4294967295"),
        (lambda: Mnist1D(num_samples=2**32 + 1), "num_samples=4294967297 is not allowed in the authors' stream: give "),
        (lambda: Mnist1D(parameters={"seed": 7}), "parameters={'seed': 7} is not allowed: give Parameters, "),
        (lambda: first_row(**EQUAL_POINTS), "all points of all samples are equal: "),
        (lambda: first_row(stream="sharded", **EQUAL_POINTS), "all points of all samples are equal: "),
    ],
)
def test_refused(call: Callable[[], object], words: str) -> None:
    """One line says what is allowed."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}[^\n]*$"):
        call()


@pytest.mark.parametrize("make", [make_dataset, mnist1d.data.make_dataset], ids=["ours", "authors"])
def test_dataset_as_a_dictionary(make: Callable[[Parameters], Dataset]) -> None:
    """A dictionary whose keys are attributes, for both functions, and for every copy."""
    data = make(Parameters(**SMALL))
    assert sorted(data) == ["t", "templates", "x", "x_test", "y", "y_test"]
    copies = [copy.copy(data), copy.deepcopy(data), data.copy()]
    copies += [pickle.loads(pickle.dumps(data, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for each in [data, *copies]:
        assert type(each) is Dataset
        assert each.parameters == Parameters(**SMALL)
        assert all(each[name] is getattr(each, name) is dict(each)[name] for name in data)
        assert set(data) < set(dir(each))
        np.testing.assert_array_equal(each.x, data["x"])
    changed = copies[0]
    changed.x = changed["y_validation"] = np.zeros(3)
    assert changed["x"] is changed.y_validation
    assert len(data.x) == 80
    with pytest.raises(KeyError, match=r"'x_tset' is not in this dataset\. Did you mean 'x_test'"):
        _ = data["x_tset"]
    with pytest.raises(AttributeError, match=r"'x_tset' is not in this dataset\. Did you mean 'x_test'"):
        _ = data.x_tset
    with pytest.raises(AttributeError, match=r"The training split is x and y\.$"):
        _ = data.x_train


def test_label_noise() -> None:
    """One call draws the labels that notebook 8.3 trains on; nothing else changes, and no global state; float32."""
    theirs = make_dataset(num_samples=8000, train_split=0.5)
    for row in range(len(theirs["y"])):  # as the notebook does it
        if random.random() < 0.15:
            theirs["y"][row] = int(random.random() * 10)
    state = random.getstate()
    data = make_dataset(RECIPES["udl-8.3"], label_noise=RECIPES["udl-8.3"].label_noise)
    assert random.getstate() == state
    for name in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(data[name], theirs[name])
    single = make_dataset(RECIPES["udl-8.3"], dtype=np.float32)
    for name in ("x", "x_test", "t"):
        np.testing.assert_array_equal(single[name], data[name].astype(np.float32), strict=True)
    np.testing.assert_array_equal(load_arrays(RECIPES["udl-8.3"], dtype="float32")[0], single.x)


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
    """Arrays come without `datasets`; all that a student needs is listed, documented, and shown in a line or two."""
    done = run(FIRST)
    assert (done.stderr, json.loads(done.stdout)) == ("", [])
    with pytest.raises(AttributeError, match=r"no attribute 'load_array'\. Did you mean 'load_arrays'"):
        _ = mnist1d.load_array
    assert max(len(repr(thing)) for thing in [make_dataset(**SMALL), Parameters(seed=7), *RECIPES.values()]) < 240
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


def test_plot_of_unknown_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that the parameters do not give are not shaded; without matplotlib a sentence says what to install."""
    pytest.importorskip("matplotlib").use("Agg")
    data = Dataset(make_dataset(num_samples=100, seed=7))
    for parameters in (None, Parameters(**SMALL), Parameters(num_samples=10), Parameters(final_seq_length=50)):
        data.parameters = parameters
        assert not any(axis.patches for axis in data.plot().axes)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        data.plot()


def test_plot_in_a_notebook() -> None:
    """Each cell shows one picture, whether the figure is its result or not."""
    for needed in ("matplotlib", "ipykernel", "nbclient"):
        pytest.importorskip(needed)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = ["import mnist1d; data = mnist1d.make_dataset()", "data.plot()", "figure = data.plot()", "figure"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, [*cells, "data.plot(); 1"])))
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in notebook.cells]
    assert shown == [0, 1, 1, 1, 1]


LIMITED = """
import resource
from generator import make_dataset
resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))
make_dataset(num_samples=3_000_000)
"""


def test_more_than_fits() -> None:
    """The message comes before anything is drawn, with the way that works, also for a limit of the shell or a job."""
    with pytest.raises(MemoryError, match=r"^num_samples=4000000000 takes 2.56e\+03 GB .* sharded stream, [^\n]*$"):
        make_dataset(num_samples=4_000_000_000)
    assert "sharded stream" in run(LIMITED).stderr.splitlines()[-1]


def test_arrays_from_the_hub(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the repository; one sentence if there is none, or no folder, which the Hub is not asked for."""
    assert main(Mnist1D, CARD, R, ["--config", "shuffled"]) == 0
    for found, wanted in zip(load_arrays("shuffled", source=R), load_arrays("shuffled"), strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(FileNotFoundError, match=r"^There is no folder me/absent, and no repository of that name"):
        load_arrays(source="me/absent")
    monkeypatch.chdir(tmp_path)
    hub.forget()
    for source in ("build/mnist1d", "mnist1d", "./me/mnist1d", "/nowhere", Path("me", "mnist1d")):
        with pytest.raises(FileNotFoundError, match=f"^There is no folder {source}. Write it with `python scripts/"):
            load_arrays(source=source)
    assert not hub.requests


@pytest.mark.parametrize("name", CONFIGS)
def test_config(built: Path, tmp_path: Path, name: str) -> None:
    """A config has the golden digest and its own description; arrays are the same drawn, prepared or from a folder."""
    builder = prepare(tmp_path, name)
    p = builder.config.parameters
    assert p == Parameters(**PARAMETER_SETS.get(name, vars(p)))
    assert [config.name for config in Mnist1D.BUILDER_CONFIGS if config.parameters == p] == [name]
    data = make_dataset(p)
    assert digest_of(data) == SHA256.get(name, digest_of(data))
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    parts = {"train": (data.x, data.y), "test": (data.x_test, data.y_test), "train+test": (x, y)}
    for split, wanted in parts.items():
        prepared = arrays(builder, split)
        found = [load_arrays(name, split=split, source=source) for source in (None, built, str(built))]
        for pair in [*found, (prepared["x"], prepared["y"])]:
            for array, expected in zip(pair, wanted, strict=True):
                np.testing.assert_array_equal(array, expected, strict=True)
                assert array.flags.c_contiguous
        found[0][0][:] = found[1][1][:] = 0  # free to be changed
    np.testing.assert_array_equal(arrays(builder, "train[:10]")["x"], data.x[:10])
    small = make_dataset(Mnist1D(name, **SMALL).config.parameters)
    np.testing.assert_array_equal(load_arrays(name, split="test", **SMALL)[0], small.x_test)
    info = builder.info
    about = (mnist1d.CITATION, mnist1d.HOMEPAGE, mnist1d.LICENSE, VERSION)
    assert (info.citation, info.homepage, info.license, str(info.version)) == about
    assert info.description == f"{mnist1d.DESCRIPTION}\n\n{builder.config.description}"
    assert len({config.description for config in Mnist1D.BUILDER_CONFIGS}) == len(CONFIGS)
    assert Mnist1D().config.name == "default"


def test_cache_folders(tmp_path: Path) -> None:
    """Different parameters never share a folder; the same values always do, and None leaves a parameter alone."""
    changes: Any = [
        *[{}, {"seed": 7}, {"num_samples": 7000}, {"seed": 7, "num_samples": 7000}, {"padding": (1, 2)}],
        *[{"shuffle_seq": True}, {"train_split": 0.7}, {"scale_coeff": 0.75}],
    ]
    folders = [Mnist1D(name, cache_dir=str(tmp_path), **changed).cache_dir for name in CONFIGS for changed in changes]
    assert len(set(folders)) == len(folders) - 1  # {"shuffle_seq": True} is the config "shuffled"
    assert all(VERSION in Path(folder).parts for folder in folders)
    pairs: Any = [
        ({"padding": [36, 60], "train_split": np.float64(0.8), "seed": None}, {}),
        ({"seed": 7, "shuffle_seq": None}, {"seed": np.int64(7), "num_samples": 5000}),
        ({"parameters": Parameters(seed=7), "num_samples": 100}, {"num_samples": 100, "seed": 7}),
    ]
    for one, two in pairs:
        first, second = (Mnist1D(cache_dir=str(tmp_path), **changed) for changed in (one, two))
        assert (first.config.parameters, first.cache_dir) == (second.config.parameters, second.cache_dir)


def test_drawn_when_rows_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn for a plan or the start of a stream, and once for both splits together."""
    draw = Mock(wraps=generator.make_dataset)
    monkeypatch.setattr("generator.make_dataset", draw)
    streams = Mnist1D(cache_dir=str(tmp_path), **SMALL).as_streaming_dataset()
    assert not draw.called
    assert [len(list(streams[split])) for split in ("test", "train", "test")] == [20, 80, 20]
    assert draw.call_count == 1
    prepare(tmp_path, **SMALL)
    assert draw.call_count == 2


def test_pickled_stream() -> None:
    """It has the same rows, and takes none along after it was drawn from."""
    stream = Mnist1D(num_samples=100, final_seq_length=1000).as_streaming_dataset(split="test")
    size = len(pickle.dumps(stream))
    rows = [row["y"] for row in stream]
    pickled = pickle.dumps(stream)
    assert len(pickled) < size + 10_000
    assert [row["y"] for row in pickle.loads(pickled)] == rows


@pytest.mark.parametrize("rows", [10, TABLE_ROWS, TABLE_ROWS + 10, 2 * TABLE_ROWS, 2 * TABLE_ROWS + 500])
def test_files(tmp_path: Path, rows: int) -> None:
    """A split arrives whole for any number of tables."""
    changed: dict[str, Any] = {"num_samples": rows, "train_split": 1, "final_seq_length": 2}
    data, columns = make_dataset(**changed), arrays(prepare(tmp_path, **changed), "train")
    np.testing.assert_array_equal(columns["x"], data.x)
    np.testing.assert_array_equal(columns["y"], data.y)


LOAD_SCRIPT = """
import sys, datasets
test = datasets.load_dataset(sys.argv[1], name="shuffled", split="test", trust_remote_code=True, num_samples=200)
print(len(test), test["y"][0])
"""


def test_as_a_script(tmp_path: Path) -> None:
    """Up to datasets 3.6 the script loads by its path, with a config's name and an override; newer ones refuse it."""
    home = {"HF_HOME": str(tmp_path / "home"), "HF_DATASETS_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    done = run(LOAD_SCRIPT, str(ROOT / "mnist1d.py"), cwd=tmp_path, env={**os.environ, **home})
    if SCRIPTS_WORK:
        expected = make_dataset(Parameters(shuffle_seq=True, num_samples=200))
        assert done.stdout.split() == ["40", str(expected.y_test[0])], done.stderr
    else:
        assert "RuntimeError: Dataset scripts are no longer supported" in done.stderr
