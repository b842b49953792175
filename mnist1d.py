"""MNIST-1D: `make_dataset` and `load_arrays`, their `Parameters` and `RECIPES`, and `Mnist1D`, for `datasets`.

>>> import mnist1d
>>> data = mnist1d.make_dataset(num_samples=8000)
>>> data.x.shape, data["y_test"].shape
((6400, 40), (1600,))
>>> x, y = mnist1d.load_arrays("shuffled", split="test")
>>> builder = mnist1d.Mnist1D("shuffled", num_samples=1000)
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

PACKAGES = ("card", "explorer", "generator", "loopback", "mnist1d_authors", "publisher")  # in the folder of this file


def refuse_hidden(error: Exception) -> None:
    """Name the file of the user that has the name of a package, if it is the cause of an error on import.

    Raises
    ------
    ImportError
        If it is.
    """
    cause = error.name if isinstance(error, ImportError) else getattr(getattr(error, "obj", None), "__name__", None)
    name = (cause or "").partition(".")[0]
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name in (*PACKAGES, "datasets") and file and not hasattr(module, "__path__"):
        package = f"the package `{name}`{' of MNIST-1D' if name in PACKAGES else ''}"
        raise ImportError(f"{file} hides {package}: rename that file, or work in another folder", name=name) from error


try:
    import generator
    from generator import RECIPES, Parameters, Recipe
    from generator.arrays import Floats, Integers, dtype_name
    from generator.dataset import Dataset
    from generator.parameters import nearest_name, unknown_name
    from generator.recipes import as_parameters
except ImportError as error:
    refuse_hidden(error)
    raise

if TYPE_CHECKING:
    from mnist1d_authors.builder import Mnist1D, Mnist1DConfig

BUILDER_NAMES = ("Mnist1D", "Mnist1DConfig", "Part", "Whole")  # need `datasets`, which takes seconds to import
AUTHORS_NAMES = {  # of their package on PyPI, whose modules are those in the folder mnist1d_authors
    **dict.fromkeys(("data", "utils", "transform")),
    **dict.fromkeys(("get_dataset", "get_dataset_args", "get_templates"), "data"),
    **dict.fromkeys(("ObjectView", "from_pickle", "plot_signals", "set_seed", "to_pickle"), "utils"),
}
__all__ = ["RECIPES", "Mnist1D", "Mnist1DConfig", "Parameters", "load_arrays", "make_dataset", *AUTHORS_NAMES]
__path__ = [os.path.join(os.path.dirname(__file__), "mnist1d_authors")]  # noqa: PTH118, PTH120 - finds `mnist1d.data`

DESCRIPTION = (
    "MNIST-1D: ten digits as 1-D signals of 40 points, made from templates by padding, dilation, scaling, translation, "
    "noise and shear. Small enough for a CPU, yet hard enough to separate linear models, MLPs, CNNs and GRUs."
)
CITATION = """\
@inproceedings{greydanus2024scaling,
  title={Scaling Down Deep Learning with {MNIST}-{1D}},
  author={Greydanus, Sam and Kobak, Dmitry},
  booktitle={Proceedings of the 41st International Conference on Machine Learning},
  year={2024}
}"""
HOMEPAGE = "https://github.com/greydanus/mnist1d"
LICENSE = "apache-2.0"
VERSION = "1.0.0"  # raise it whenever the rows of a config change: caches are keyed by it
SPLITS = ("train", "test", "train+test")
STREAMS = ("authors", "sharded")
_patched_for_streaming = True  # `datasets` need not patch how files are opened here, and import SciPy for that


@dataclass(frozen=True)
class Config:
    """A dataset with a name, which becomes a `Mnist1DConfig`."""

    name: str
    description: str
    parameters: Parameters = Parameters()
    stream: str = "authors"

    def __post_init__(self) -> None:
        check_stream(self.stream)


def check_stream(stream: object) -> None:
    """Raise ValueError for another stream than the known ones."""
    if stream not in STREAMS:
        raise ValueError(f"stream={stream!r} is not allowed: give {' or '.join(STREAMS)}")


CONFIGS: list[Config] = [
    Config(
        name="default",
        description="The authors' published data: 4,000 training and 1,000 test samples of 40 points.",
    ),
    Config(
        name="shuffled",
        description="The same samples with their points in one random order, the same for all: convolutional and "
        "recurrent networks can no longer rely on which points are neighbours.",
        parameters=Parameters(shuffle_seq=True),
    ),
    Config(
        name="large-padding",
        description="Digits that fill a smaller part of a longer signal of 80 points and move further, so that a "
        "model has to find them wherever they are.",
        parameters=Parameters(padding=(84, 132), max_translation=120, final_seq_length=80),
    ),
]
DEFAULT_CONFIG_NAME = "default"


def make_dataset(parameters: Any = None, template: dict[str, Any] | None = None, **changed: Any) -> Dataset:
    """Draw a dataset of any size, offline: about 0.1 s for the published data, which are the default.

    Parameters
    ----------
    parameters : Parameters or Recipe, optional
        Such as `RECIPES["udl-8.3"]`; or `args`, the object that the authors' `get_dataset_args()` returns.
    template : dict, optional
        Digits to take instead of the authors'; with their `args` only.
    **changed
        Any field of `Parameters`, such as `num_samples=8000, seed=7`; `dtype="float32"`; and `label_noise`, the share
        of training labels that are replaced by a random digit, such as 0.15.

    Returns
    -------
    Dataset
        A dictionary whose keys are attributes: `x` and `x_test`, float64 (n, 40); `y` and `y_test`, int64 (n,); `t` and
        `templates`. Its `plot()` draws a sample of each digit.

    Raises
    ------
    ValueError
        If a name or a value is not allowed; the message says what is.

    Notes
    -----
    `num_samples` counts train and test together. With the authors' `args`, `random` and `numpy.random` are seeded and
    left as the authors' code leaves them; else they are not touched. More in `generator.make_dataset`.

    Examples
    --------
    >>> import mnist1d
    >>> data = mnist1d.make_dataset(num_samples=8000, dtype="float32")
    >>> data.x.shape, data["x_test"].dtype
    ((6400, 40), dtype('float32'))
    >>> noisy = mnist1d.make_dataset(RECIPES["udl-8.3"], label_noise=0.15)
    >>> args = mnist1d.get_dataset_args()
    >>> args.num_samples = 100
    >>> mnist1d.make_dataset(args)
    Dataset(x=(80, 40), x_test=(20, 40), y=(80,), y_test=(20,), t=(40,), templates)
    """
    parameters = changed.pop("args", parameters)
    if template is None and (isinstance(parameters, Parameters) or not hasattr(parameters, "num_samples")):
        return generator.make_dataset(parameters, **changed)
    if changed:
        raise TypeError(
            f"{next(iter(changed))} cannot be combined with the authors' arguments. Set it on them instead."
        )
    authors: Any = importlib.import_module("mnist1d.data")
    return authors.make_dataset(parameters, template)


def load_arrays(
    config_name: str | Parameters | Recipe = DEFAULT_CONFIG_NAME,
    *,
    split: str = "train",
    source: str | os.PathLike[str] | None = None,
    dtype: Any = "float64",
    **changed: Any,
) -> tuple[Floats, Integers]:
    """Return the samples and labels of a config as NumPy arrays, the same from every source.

    Parameters
    ----------
    config_name : str, Parameters or Recipe, optional
        A config, or the parameters of another dataset.
    split : str, optional
        "train", "test" or "train+test".
    source : str or path, optional
        By default the arrays are drawn on the spot: no file, no network, about 0.1 s. Else a folder that
        `scripts/push_to_hub.py --output-dir` wrote, or a repository on the Hub, such as "christopher/mnist1d".
    dtype : str, optional
        "float64" or "float32", of the samples.
    **changed
        Any field of `Parameters`, which replaces the config's value; not with a source.

    Returns
    -------
    x : (rows, final_seq_length) float64 or float32
    y : (rows,) int64

    Raises
    ------
    ValueError
        If the config, the split, the type or a parameter is not known; the message lists what is.
    FileNotFoundError, ConnectionError
        If the source is not a folder, and not a repository that can be reached.

    Examples
    --------
    >>> x, y = load_arrays("shuffled", split="train+test")
    >>> x.shape, y.shape
    ((5000, 40), (5000,))
    >>> x, y = load_arrays(num_samples=8000, train_split=0.5, dtype="float32")
    >>> x.shape, y.shape
    ((4000, 40), (4000,))
    """
    kind = dtype_name(dtype)
    if split not in SPLITS:
        raise ValueError(unknown_name(split, SPLITS, "a split"))
    declared: Any = config_name
    if isinstance(config_name, str):
        known = {config.name: config.parameters for config in CONFIGS}
        if config_name not in known:
            raise ValueError(unknown_name(config_name, known, "a config"))
        declared = known[config_name]
    parameters = as_parameters(declared, changed)
    if source is not None:
        if changed or not isinstance(config_name, str):
            raise ValueError(f"{os.fspath(source)} has fixed samples. Give a config and no parameters.")
        rows = _load_rows(source, config_name, split)
        x = np.concatenate([chunk.flatten().to_numpy() for chunk in rows["x"][:].chunks])
        y = np.concatenate([chunk.to_numpy() for chunk in rows["y"][:].chunks])
        return x.reshape(len(rows), -1).astype(kind, copy=False), y
    data = generator.make_dataset(parameters, dtype=kind)
    if split == "train+test":
        return np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    return (data.x, data.y) if split == "train" else (data.x_test, data.y_test)


def _load_rows(source: str | os.PathLike[str], config_name: str, split: str) -> Any:
    """Load a config from a folder or from the Hub, which is asked only for what can be a repository's name."""
    name = os.fspath(source)
    is_folder = os.path.isdir(name)  # noqa: PTH112
    may_be_on_hub = isinstance(source, str) and re.fullmatch(r"(?!build/)\w[\w.-]*/[\w.-]+", name)
    if not is_folder and not may_be_on_hub:
        raise FileNotFoundError(
            f"There is no folder {name}. Write it with `python scripts/push_to_hub.py --output-dir {name}`, give the "
            "name of a repository on the Hub, or leave out `source` to draw the arrays."
        )
    datasets = _import_builder().datasets
    try:
        return datasets.load_dataset(name, config_name, split=split).with_format("arrow")
    except (FileNotFoundError, ConnectionError) as error:
        if is_folder:
            raise
        raise type(error)(
            f"There is no folder {name}, and no repository of that name could be read from the Hub ({error}). "
            "Leave out `source` to draw the arrays."
        ) from error


def _import_builder() -> ModuleType:
    """Import the builder, and with it `datasets`; for known causes, a failure is an ImportError of one sentence."""
    try:
        return importlib.import_module("mnist1d_authors.builder")
    except (ImportError, AttributeError) as error:
        refuse_hidden(error)
        if "numpy" in str(error).lower():
            raise ImportError(
                f"`datasets` cannot be imported with NumPy {np.__version__} ({error}): run `pip install -U numpy`, or "
                "use only `make_dataset` and `load_arrays`, which do not need `datasets`"
            ) from error
        raise


def __getattr__(name: str) -> Any:
    """Return a name of the builder's module or of the authors' package, which is imported on first use."""
    if name in BUILDER_NAMES:
        return getattr(_import_builder(), name)
    if name not in AUTHORS_NAMES:
        near = f" Did you mean {nearest!r}?" if (nearest := nearest_name(name, __all__)) else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{near}")
    home = AUTHORS_NAMES[name]
    module = importlib.import_module(f"{__name__}.{home or name}")
    return getattr(module, name) if home else module


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if __name__ != "mnist1d":  # a copy that `datasets` makes of a loading script, where it looks for the class
    from mnist1d_authors.builder import Mnist1D
