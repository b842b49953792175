"""The authors' names: what notebooks and programs that were written for their package rely on."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist1d
from generator import Parameters
from tests.test_authors import SHA256, little_endian

# ruff: noqa: NPY002 - the global stream is what this is about

ROOT = Path(__file__).parents[1]


def state() -> tuple[Any, ...]:
    """Return the state of both global streams, for comparison."""
    words: dict[str, Any] = dict(np.random.get_state(legacy=False))
    return (random.getstate(), pickle.dumps(words))


def seeded() -> tuple[Any, ...]:
    """A state that no dataset leaves."""
    random.seed(99)
    np.random.seed(99)
    return state()


def small(**changed: Any) -> Any:
    args = mnist1d.get_dataset_args()
    args.__dict__.update({"num_samples": 100, **changed})
    return args


def published(data: dict[str, Any]) -> bool:
    """Return True if these are the published arrays, in a dictionary and free to be changed."""
    assert all(data[name].flags.writeable for name in SHA256["default"])
    return {name: hashlib.sha256(little_endian(data[name])).hexdigest() for name in SHA256["default"]} == SHA256[
        "default"
    ]


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
    (Path("mnist1d") / "mnist1d").mkdir(
        parents=True
    )  # a clone of their repository, as notebooks make it, hides nothing
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    before, found, shape, same, other, matplotlib = json.loads(done.stdout)
    assert before == ["mnist1d"]
    assert all(found)
    assert (shape, same, other, matplotlib) == ([40], True, False, False)


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
    """The published data for the defaults, and for others what `generator` gives."""
    assert published(mnist1d.data.make_dataset())
    assert published(mnist1d.make_dataset(args=mnist1d.get_dataset_args()))
    assert mnist1d.data.make_dataset(small())["x"].shape == (80, 40)
    assert list(mnist1d.data.make_dataset(small())) == ["x", "x_test", "y", "y_test", "t", "templates"]


@pytest.mark.parametrize("shuffle_seq", [False, True])
def test_random_states(shuffle_seq: bool) -> None:
    """Drawing leaves both global streams where the original leaves them: behind the last draw of one seed."""
    args = small(seed=7, shuffle_seq=shuffle_seq)
    templates = mnist1d.get_templates()
    mnist1d.set_seed(7)
    for row in np.repeat(templates["x"], 10, axis=0):
        mnist1d.transform(row, templates["t"], args)
    np.random.permutation(100)
    if shuffle_seq:
        np.random.permutation(40)
    expected = state()
    seeded()
    mnist1d.make_dataset(args)
    assert state() == expected


def test_one_by_one_is_the_whole() -> None:
    """The single steps, drawn from `numpy.random`, make the same samples as the dataset, up to its normalisation."""
    args = small(seed=3)
    data = mnist1d.make_dataset(args)
    mnist1d.set_seed(3)
    templates = mnist1d.get_templates()
    x = np.stack([mnist1d.transform(row, templates["t"], args)[0] for row in templates["x"] for _ in range(10)])
    x = x[np.random.permutation(100)]
    whole = np.concatenate([data["x"], data["x_test"]])
    np.testing.assert_allclose((x - x.mean()) / x.std(), whole, rtol=0, atol=1e-12)
    _, t = mnist1d.transform(templates["x"][0], templates["t"], args)
    np.testing.assert_allclose(t / x.std(), data["t"], rtol=1e-12)


@pytest.mark.parametrize(
    "changed",
    [{"scale_coeff": -0.4}, {"final_seq_length": 1}, {"max_translation": [3, 5]}],
)
def test_what_parameters_refuse(changed: dict[str, Any]) -> None:
    """Arguments that the original takes are taken, sample by sample."""
    data = mnist1d.make_dataset(small(**changed))
    assert len(data["x"]) + len(data["x_test"]) == 100
    assert abs(np.concatenate([data["x"], data["x_test"]]).std() - 1) < 1e-12


@pytest.mark.parametrize(
    "changed", [{"max_translation": 0}, {"num_samples": 5}, {"padding": (9,)}, {"train_split": 80}]
)
def test_what_is_refused(changed: dict[str, Any]) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=f"^{next(iter(changed))}=[^\n]* is not allowed: give [^\n]*$"):
        mnist1d.make_dataset(small(**changed))


def test_slips() -> None:
    """A wrong name on the arguments gets a warning with the nearest one, on the line of the caller."""
    with pytest.warns(UserWarning, match=r"^args.num_sample has no effect. Did you mean args.num_samples\?$") as caught:
        data = mnist1d.make_dataset(small(num_sample=50, batch_size=10))
    assert [warning.filename for warning in caught] == [__file__]
    assert len(data.y) == 80
    assert len(mnist1d.make_dataset(small(num_samples=1e2)).y) == 80
    with pytest.warns(UserWarning, match=r"Did you mean args\.seed"):
        mnist1d.get_dataset(small(seeed=7), download=False)
    with pytest.raises(TypeError, match=r"^seed cannot be combined"):
        mnist1d.make_dataset(small(), seed=7)


def test_seeds() -> None:
    """None is another dataset each time."""
    first, second = (mnist1d.make_dataset(small(seed=None))["x"] for _ in range(2))
    assert not np.array_equal(first, second)


def test_templates_of_ones_own() -> None:
    """Templates may be of any number and length, with labels of any kind."""
    rows = np.random.default_rng(0).normal(size=(3, 20))
    templates = {"x": rows, "t": np.linspace(-1, 1, 20), "y": np.array(["a", "b", "c"])}
    data = mnist1d.make_dataset(small(num_samples=31), template=templates)
    assert (data["x"].shape, data["x_test"].shape) == ((24, 40), (6, 40))
    assert sorted(set(data["y"])) == ["a", "b", "c"]
    assert data["templates"] is templates
    with pytest.raises(ValueError, match=r"^num_samples=10 .* of 26$"):
        mnist1d.make_dataset(small(num_samples=10), {"x": np.eye(26), "t": np.arange(26), "y": np.arange(26)})


def test_no_file_and_download(capsys: pytest.CaptureFixture[str]) -> None:
    """The published data, drawn, written, told in a line, and no random state is touched, as by a download."""
    before = seeded()
    assert published(mnist1d.get_dataset(mnist1d.get_dataset_args()))
    assert state() == before
    assert "./mnist1d_data.pkl" in capsys.readouterr().out
    with open("mnist1d_data.pkl", "rb") as file:  # noqa: PTH123
        loaded = pickle.load(file)
    assert type(loaded) is dict  # which needs only NumPy
    assert published(loaded)
    assert published(mnist1d.get_dataset(args=mnist1d.get_dataset_args(), verbose=False))
    assert state() == before
    assert capsys.readouterr().out == ""


def test_no_file_and_no_download(capsys: pytest.CaptureFixture[str]) -> None:
    """The dataset of the arguments is drawn and written, and read the next time."""
    for expected in ("Rebuilding", "Successfully loaded"):
        data = mnist1d.data.get_dataset(small(), path=Path("mine.pkl"), download=False, regenerate=False)
        assert data["x"].shape == (80, 40)
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"num_samples": 200}, r"\(80, 40\).*\(160, 40\)"), ({"seed": 7}, "other samples"), ({}, None)],
)
def test_file_beats_arguments(changed: dict[str, Any], words: str | None) -> None:
    """As in the original; but a warning says that the arguments are not heeded."""
    mnist1d.to_pickle(mnist1d.make_dataset(small()), "./mnist1d_data.pkl")
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        data = mnist1d.get_dataset(small(**changed), download=False)
    assert len(data["y"]) == 80
    assert [warning.filename for warning in record] == ([__file__] if words else [])
    if words:
        with pytest.warns(UserWarning, match=words):
            mnist1d.get_dataset(small(**changed))
    assert len(mnist1d.get_dataset(small(**changed), download=False, regenerate=True)["y"]) == 0.8 * (
        changed.get("num_samples", 100)
    )


def test_published_data_are_not_what_was_asked_for() -> None:
    """Without a file, `download` gives the published data whatever the arguments say, and says so."""
    with pytest.warns(UserWarning, match="other samples|where the arguments ask for"):
        assert published(mnist1d.get_dataset(small()))


def test_download_and_regenerate() -> None:
    """They exclude each other."""
    with pytest.raises(AssertionError, match="download=False"):
        mnist1d.get_dataset(small(), regenerate=True)


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


def test_single_steps() -> None:
    """Each on one signal, padding on several and noise also on any shape, with one draw after the other."""
    steps = mnist1d.transform
    x = np.arange(1.0, 9.0)
    mnist1d.set_seed(13)
    u = np.random.rand()
    mnist1d.set_seed(13)
    assert len(steps.pad(x, (36, 44))) == 8 + 36 + int(9 * u)
    assert steps.pad(np.ones((5, 8)), (2, 2)).shape == (5, 10)
    mnist1d.set_seed(13)
    np.testing.assert_array_equal(steps.shear(x, 3), x - 3 * (u - 0.5) * np.linspace(-0.5, 0.5, 8))
    mnist1d.set_seed(13)
    k = np.random.choice(8)
    mnist1d.set_seed(13)
    np.testing.assert_array_equal(steps.translate(x, 8), np.roll(x, k))
    assert {tuple(steps.translate(x[:2], 50)) for _ in range(50)} == {(1.0, 2.0), (2.0, 1.0)}
    mnist1d.set_seed(13)
    noise = np.random.randn(30, 9)
    mnist1d.set_seed(13)
    np.testing.assert_array_equal(steps.iid_noise_like(np.empty((30, 9)), 0.5), 0.5 * noise)
    mnist1d.set_seed(13)
    scipy_ndimage = pytest.importorskip("scipy.ndimage")
    np.testing.assert_allclose(
        steps.corr_noise_like(np.empty((30, 9)), 0.5), scipy_ndimage.gaussian_filter(0.5 * noise, 2), atol=1e-14
    )
    np.testing.assert_allclose(steps.interpolate(x, 15), np.arange(1, 8.5, 0.5), rtol=1e-14)
    assert steps.interpolate(np.ones((8, 3)), 5).shape == (5, 3)


def test_plot_signals() -> None:
    """Ten signals side by side, as they are or transformed, in two styles."""
    pytest.importorskip("matplotlib").use("Agg")
    templates = mnist1d.get_templates()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nothing can be shown here
        plain = mnist1d.plot_signals(templates["x"], templates["t"], labels=templates["y"], dark_mode=True)
        moved = mnist1d.plot_signals(templates["x"], templates["t"], args=small(), do_transform=True, zoom=2)
    assert [axes.get_title() for axes in plain.axes] == [f"label={digit}" for digit in range(10)]
    assert [len(axes.lines[0].get_xdata()) for axes in plain.axes] == [12] * 10
    assert [len(axes.lines[0].get_xdata()) for axes in moved.axes] == [40] * 10
    assert moved.axes[0].get_ylim() == (2, -2)
    with pytest.raises(AssertionError, match="needs args"):
        mnist1d.plot_signals(templates["x"], templates["t"], do_transform=True)


def test_parameters_serve_as_arguments() -> None:
    """Whoever mixes the two ways gets what was meant."""
    p = Parameters(num_samples=100, seed=3)
    np.testing.assert_array_equal(mnist1d.make_dataset(p)["x"], mnist1d.make_dataset(small(seed=3))["x"])
