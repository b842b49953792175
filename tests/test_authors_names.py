"""The authors' names: what notebooks and programs that were written for their package rely on."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist1d
from generator import Parameters
from tests.golden import ARRAYS, SHA256, digest_of

# ruff: noqa: NPY002 - the global stream is what this is about


def state() -> tuple[Any, ...]:
    """Return the state of both global streams, for comparison."""
    words: dict[str, Any] = dict(np.random.get_state(legacy=False))
    return (random.getstate(), pickle.dumps(words))


def small(**changed: Any) -> Any:
    args = mnist1d.get_dataset_args()
    args.__dict__.update({"num_samples": 100, **changed})
    return args


def published(data: Any) -> bool:
    """Return True if these are the published arrays, in a dictionary and free to be changed."""
    return digest_of(data) == SHA256["default"] and all(data[name].flags.writeable for name in ARRAYS)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


IMPORTS = """
import json, sys
import mnist1d
before = sorted(name for name in sys.modules if name.startswith("mnist1d") or name.startswith("matplotlib"))
import mnist1d.data
import mnist1d.utils as utils
from mnist1d import *
from mnist1d.data import get_templates
from mnist1d.transform import pad, transform as function
x, t = mnist1d.transform(get_templates()["x"][0], get_templates()["t"], mnist1d.data.get_dataset_args())
names = ["get_dataset", "get_dataset_args", "get_templates", "make_dataset", "transform", "set_seed", "to_pickle",
         "from_pickle", "ObjectView", "plot_signals", "data", "utils"]
print(json.dumps([before, [hasattr(mnist1d, name) and name in globals() and name in dir(mnist1d) for name in names],
                  x.shape, mnist1d.utils is utils, hasattr(mnist1d, "plot"), "matplotlib" in sys.modules]))
"""


def test_imports() -> None:
    """Modules and functions come under all names that they had, on first use, and matplotlib is not imported."""
    Path("mnist1d", "mnist1d").mkdir(parents=True)  # a clone of their repository, as notebooks make it, hides nothing
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    before, found, *others = json.loads(done.stdout)
    assert before == ["mnist1d"]
    assert all(found)
    assert others == [[40], True, False, False]


def test_arguments() -> None:
    """An object that is changed in place, or a dictionary, each its own; the object shares its dictionary."""
    args, settings = mnist1d.get_dataset_args(), mnist1d.get_dataset_args(as_dict=True)
    assert vars(args) == settings
    assert settings["padding"] == [36, 60]
    assert settings["url"].endswith("mnist1d_data.pkl")
    args.num_samples = 8000
    args.padding[0] = 0
    assert mnist1d.data.get_dataset_args(as_dict=True) == settings
    view = mnist1d.ObjectView(settings)
    settings["seed"] = 7
    assert view.seed == 7
    assert pickle.loads(pickle.dumps(view)).seed == 7
    assert type(view).__module__ == "mnist1d.utils"


def test_make_dataset() -> None:
    """The published data for the defaults, the same as `Parameters` give, and without a seed another each time."""
    assert published(mnist1d.make_dataset(args=mnist1d.get_dataset_args()))
    data = mnist1d.data.make_dataset(small(seed=3))
    assert list(data) == ["x", "x_test", "y", "y_test", "t", "templates"]
    np.testing.assert_array_equal(data.x, mnist1d.make_dataset(Parameters(num_samples=100, seed=3)).x)
    first, second = (mnist1d.make_dataset(small(seed=None))["x"] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shuffle_seq", [False, True])
def test_one_by_one_is_the_whole(shuffle_seq: bool) -> None:
    """The single steps, drawn from `numpy.random`, make the dataset, up to its normalisation.

    Drawing it leaves both global streams where the original leaves them: behind the last draw of one seed.
    """
    args, templates = small(seed=7, shuffle_seq=shuffle_seq), mnist1d.get_templates()
    mnist1d.set_seed(7)
    x = np.stack([mnist1d.transform(row, templates["t"], args)[0] for row in templates["x"] for _ in range(10)])
    x = x[np.random.permutation(100)]
    x = x[:, np.random.permutation(40)] if shuffle_seq else x
    expected = state()
    random.seed(99)
    np.random.seed(99)
    data = mnist1d.make_dataset(args)
    assert state() == expected
    whole = np.concatenate([data["x"], data["x_test"]])
    np.testing.assert_allclose((x - x.mean()) / x.std(), whole, rtol=0, atol=1e-12)
    _, t = mnist1d.transform(templates["x"][0], templates["t"], args)
    np.testing.assert_allclose(t / x.std(), data["t"], rtol=1e-12)


@pytest.mark.parametrize("changed", [{"scale_coeff": -0.4}, {"final_seq_length": 1}, {"max_translation": [3, 5]}])
def test_taken_one_by_one(changed: dict[str, Any]) -> None:
    """Arguments that only the original takes are drawn sample by sample."""
    data = mnist1d.make_dataset(small(**changed))
    assert len(data["x"]) + len(data["x_test"]) == 100
    assert abs(np.concatenate([data["x"], data["x_test"]]).std() - 1) < 1e-12


@pytest.mark.parametrize(("name", "value"), {"max_translation": 0, "num_samples": 5, "train_split": 80}.items())
def test_refused(name: str, value: int) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=f"^{name}={value} is not allowed: give [^\n]*$"):
        mnist1d.make_dataset(small(**{name: value}))


def test_slips() -> None:
    """A wrong name on the arguments gets a warning with the nearest one, on the line of the caller."""
    with pytest.warns(UserWarning, match=r"^args.num_sample has no effect. Did you mean args.num_samples\?$") as caught:
        data = mnist1d.make_dataset(small(num_sample=50, batch_size=10))
    assert [warning.filename for warning in caught] == [__file__]
    assert len(data.y) == 80
    with pytest.warns(UserWarning, match=r"Did you mean args\.seed"):
        mnist1d.get_dataset(small(seeed=7, num_samples=1e2), download=False)
    with pytest.raises(TypeError, match=r"^seed cannot be combined"):
        mnist1d.make_dataset(small(), seed=7)


def test_other_templates() -> None:
    """Templates may be of any number and length, with labels of any kind."""
    rows = np.random.default_rng(0).normal(size=(3, 20))
    templates = {"x": rows, "t": np.linspace(-1, 1, 20), "y": np.array(["a", "b", "c"])}
    data = mnist1d.make_dataset(small(num_samples=31), template=templates)
    assert (data["x"].shape, data["x_test"].shape) == ((24, 40), (6, 40))
    assert sorted(set(data["y"])) == ["a", "b", "c"]
    assert data["templates"] is templates
    with pytest.raises(ValueError, match=r"^num_samples=10 .* of 26$"):
        mnist1d.make_dataset(small(num_samples=10), {"x": np.eye(26), "t": np.arange(26), "y": np.arange(26)})


def test_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Published data for a download, which leaves random states alone, else the data of the arguments."""
    random.seed(99)
    np.random.seed(99)
    before = state()
    assert published(mnist1d.get_dataset(mnist1d.get_dataset_args()))
    assert state() == before
    assert "./mnist1d_data.pkl" in capsys.readouterr().out
    loaded = pickle.loads(Path("mnist1d_data.pkl").read_bytes())
    assert type(loaded) is dict  # which needs only NumPy
    assert published(loaded)
    assert published(mnist1d.get_dataset(args=mnist1d.get_dataset_args(), verbose=False))
    assert state() == before
    assert capsys.readouterr().out == ""
    for expected in ("Rebuilding", "Successfully loaded"):  # without a download
        data = mnist1d.data.get_dataset(small(), path=Path("mine.pkl"), download=False, regenerate=False)
        assert data["x"].shape == (80, 40)
        assert expected in capsys.readouterr().out
    Path("mnist1d_data.pkl").unlink()
    with pytest.warns(UserWarning, match="other samples|where the arguments ask for"):
        assert published(mnist1d.get_dataset(small()))
    with pytest.raises(AssertionError, match="download=False"):
        mnist1d.get_dataset(small(), regenerate=True)


@pytest.mark.parametrize(
    ("changed", "words"), [({"num_samples": 200}, r"\(80, 40\).*\(160, 40\)"), ({"seed": 7}, "other samples")]
)
def test_file_beats_arguments(changed: dict[str, Any], words: str) -> None:
    """The same as in the original, with a warning that the arguments have no effect."""
    mnist1d.to_pickle(mnist1d.make_dataset(small()), "./mnist1d_data.pkl")
    with pytest.warns(UserWarning, match=words) as caught:
        data = mnist1d.get_dataset(small(**changed), download=False)
    assert len(data["y"]) == 80
    assert [warning.filename for warning in caught] == [__file__]
    data = mnist1d.get_dataset(small(**changed), download=False, regenerate=True)
    assert len(data["y"]) == 0.8 * changed.get("num_samples", 100)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps(np.zeros(100))[:-50]])
def test_torn_file(content: bytes) -> None:
    """A file that is not a pickle is replaced by a new dataset."""
    Path("mnist1d_data.pkl").write_bytes(content)
    assert mnist1d.get_dataset(small(), verbose=False)["x"].shape == (80, 40)
    assert mnist1d.from_pickle("mnist1d_data.pkl")["x"].shape == (80, 40)


class Trap:
    """Writes a file when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("sprung"),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_code_is_run(protocol: int) -> None:
    """A file with code in it is refused and left alone; arrays of every protocol are read."""
    data = {**mnist1d.make_dataset(small()), "more": [np.float64(1), np.arange(3)[::2], b"bytes", {"a": None}]}
    Path("mnist1d_data.pkl").write_bytes(pickle.dumps(data, protocol))
    assert mnist1d.get_dataset(small(), verbose=False).more[0] == 1
    if protocol > 1:
        Path("mnist1d_data.pkl").write_bytes(pickle.dumps(mnist1d.make_dataset(num_samples=100), protocol))
        assert mnist1d.get_dataset(small(), verbose=False).parameters == Parameters(num_samples=100)
    content = pickle.dumps({**data, "trap": Trap()}, protocol)
    Path("mnist1d_data.pkl").write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=r"^\./mnist1d_data\.pkl holds .* more than plain arrays"):
        mnist1d.get_dataset(small())
    assert not Path("sprung").exists()
    assert Path("mnist1d_data.pkl").read_bytes() == content
    mnist1d.from_pickle("mnist1d_data.pkl")
    assert Path("sprung").exists()  # that the trap is one


def seeded(draw: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives as the first that draws after a seed."""
    mnist1d.set_seed(13)
    return draw(*arguments)


def test_single_steps() -> None:
    """Each on one signal, padding on several and noise also on any shape, with one draw after the other."""
    steps, x = mnist1d.transform, np.arange(1.0, 9.0)
    u, k, noise = seeded(np.random.rand), seeded(np.random.choice, 8), seeded(np.random.randn, 30, 9)
    assert len(seeded(steps.pad, x, (36, 44))) == 8 + 36 + int(9 * u)
    assert steps.pad(np.ones((5, 8)), (2, 2)).shape == (5, 10)
    np.testing.assert_array_equal(seeded(steps.shear, x, 3), x - 3 * (u - 0.5) * np.linspace(-0.5, 0.5, 8))
    np.testing.assert_array_equal(seeded(steps.translate, x, 8), np.roll(x, k))
    assert {tuple(steps.translate(x[:2], 50)) for _ in range(50)} == {(1.0, 2.0), (2.0, 1.0)}
    np.testing.assert_array_equal(seeded(steps.iid_noise_like, np.empty((30, 9)), 0.5), 0.5 * noise)
    smooth = pytest.importorskip("scipy.ndimage").gaussian_filter(0.5 * noise, 2)
    np.testing.assert_allclose(seeded(steps.corr_noise_like, np.empty((30, 9)), 0.5), smooth, atol=1e-14)
    np.testing.assert_allclose(steps.interpolate(x, 15), np.arange(1, 8.5, 0.5), rtol=1e-14)
    assert steps.interpolate(np.ones((8, 3)), 5).shape == (5, 3)


@pytest.mark.filterwarnings("ignore::UserWarning")  # nothing can be shown here
def test_plot_signals() -> None:
    """Ten signals side by side, as they are or transformed, in two styles."""
    pytest.importorskip("matplotlib").use("Agg")
    templates = mnist1d.get_templates()
    plain = mnist1d.plot_signals(templates["x"], templates["t"], labels=templates["y"], dark_mode=True)
    moved = mnist1d.plot_signals(templates["x"], templates["t"], args=small(), do_transform=True, zoom=2)
    assert [axes.get_title() for axes in plain.axes] == [f"label={digit}" for digit in range(10)]
    assert [len(axes.lines[0].get_xdata()) for axes in plain.axes] == [12] * 10
    assert [len(axes.lines[0].get_xdata()) for axes in moved.axes] == [40] * 10
    assert moved.axes[0].get_ylim() == (2, -2)
    with pytest.raises(AssertionError, match="needs args"):
        mnist1d.plot_signals(templates["x"], templates["t"], do_transform=True)
