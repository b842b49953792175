"""`mnist1d.data`: datasets as the authors' functions return them, from arguments that can be changed."""

from __future__ import annotations

import os
import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

import generator
from generator import Dataset, Parameters, get_templates
from generator.authors import draw_dataset, level_of_caller
from generator.parameters import nearest_name

from .files import load_plain
from .transform import interpolate, transform
from .utils import ObjectView, from_pickle, set_seed, to_pickle

__all__ = [  # the last are here because they are there
    "ObjectView",
    "from_pickle",
    "get_dataset",
    "get_dataset_args",
    "get_templates",
    "make_dataset",
    "set_seed",
    "to_pickle",
    "transform",
]  # fmt: skip

PATH = "./mnist1d_data.pkl"
URL = "https://github.com/greydanus/mnist1d/raw/master/mnist1d_data.pkl"
ORDER = ("x", "x_test", "y", "y_test", "t", "templates")  # of the published file
NAMES = [parameter.name for parameter in fields(Parameters)]
NEAR = 0.75  # likeness, from 0 to 1, from which another attribute is a slip: `samples` is one, `batch_size` is not
COMPARED = 20_000  # samples, drawn in 0.3 s to compare a file with them; for larger files, only shapes are compared


def get_dataset_args(as_dict: bool = False) -> Any:
    """The parameters of the published data, to be changed at will.

    Parameters
    ----------
    as_dict : bool
        Give a dictionary instead of an object with attributes.

    Examples
    --------
    >>> args = get_dataset_args()
    >>> args.num_samples = 8000
    >>> make_dataset(args)["x"].shape
    (6400, 40)
    """
    usual = {name: getattr(Parameters(), name) for name in NAMES}
    settings = {**usual, "padding": list(usual["padding"]), "url": URL}
    return settings if as_dict else ObjectView(settings)


def make_dataset(args: Any = None, template: dict[str, NDArray[Any]] | None = None) -> Dataset:
    """Draw a dataset, and leave `random` and `numpy.random` as the authors' code leaves them.

    Parameters
    ----------
    args : object, optional
        Has the attributes of `get_dataset_args()`, which is the default.
    template : dict, optional
        Other templates: `x` (digits, n), `t` (n,), `y` (digits,); by default `get_templates()`.

    Returns
    -------
    Dataset
        A dictionary whose keys are attributes: `x`, `x_test`, `y`, `y_test`, `t` and `templates`; bit-for-bit identical
        to the published data for the defaults.

    Raises
    ------
    ValueError
        If no dataset can be drawn, or `train_split` is not from 0 to 1; the message names the argument.

    Warns
    -----
    UserWarning
        If an attribute of `args` looks like a slip, such as `num_sample`.
    """
    args = get_dataset_args() if args is None else args
    _warn_of_slips(args)
    templates = get_templates() if template is None else template
    arrays = {name: np.asarray(templates[name]) for name in ("x", "t", "y")}
    set_seed(args.seed)
    try:
        parameters = _parameters(args)
    except ValueError as refusal:
        if str(refusal).startswith("train_split="):  # the original takes 80 for all, and draws no test samples
            raise
        try:
            return Dataset(_draw_one_by_one(args, arrays), templates=templates)
        except Exception:
            raise refusal from None
    if parameters.num_samples < (digits := len(arrays["y"])):
        raise ValueError(f"num_samples={parameters.num_samples} is not allowed: give at least one for each of {digits}")
    random = RandomState()
    random.set_state(np.random.get_state())  # noqa: NPY002
    data = draw_dataset(parameters, arrays, random)
    np.random.set_state(random.get_state())  # noqa: NPY002
    data.parameters = _wanted(args) if template is None else None
    return _in_order(data, templates)


def get_dataset(
    args: Any,
    path: str | os.PathLike[str] | None = None,
    verbose: bool = True,
    download: bool = True,
    regenerate: bool = False,
    **kwargs: Any,
) -> Dataset:
    """The dataset in a file; if there is none, the published data, or those of `args`, which are written there.

    Parameters
    ----------
    args : object
        As for `make_dataset`. A file and the published data do not heed it; if they are not what it asks for, a warning
        says so.
    path : str or path, optional
        By default mnist1d_data.pkl in the current folder.
    verbose : bool
        Say in a line what was done.
    download : bool
        If there is no file, take the published data. Nothing is downloaded: they are drawn, and bit-for-bit identical.
    regenerate : bool
        Draw what `args` asks for, with `make_dataset`, and replace the file. Needs `download=False`.
    **kwargs
        For `make_dataset`.

    Returns
    -------
    Dataset
        As from `make_dataset`. As a download would, the published data leave `random` and `numpy.random` alone.

    Raises
    ------
    pickle.UnpicklingError
        If the file holds more than plain arrays: no code in a file is run.
    """
    if download and regenerate:
        raise AssertionError("download and regenerate exclude each other: to regenerate, give download=False as well")
    path = PATH if path is None else path
    found = None
    if not regenerate and os.path.exists(path):  # noqa: PTH110 - what `open` takes
        found = load_plain(path)
        done = f"Successfully loaded data from {path}"
    elif download and hasattr(args, "url"):
        data = generator.make_dataset()
        found = _in_order(data, data.templates)
        to_pickle(found, path)
        done = f"Drew the published data, which saves the download, and saved them to {path}"
        if args.url != URL:
            warnings.warn(f"url={args.url!r} was not asked: these are the published data", stacklevel=2)
    if found is None:
        if verbose:
            print(f"Did or could not load data from {path}. Rebuilding dataset...")
        rebuilt = make_dataset(args, **kwargs)
        to_pickle(rebuilt, path)
        return rebuilt
    if verbose:
        print(done)
    difference = _difference(found, args)
    if difference:
        warnings.warn(
            f"{path} holds {difference}: it is returned as it is; to draw what the arguments ask for, call get_dataset "
            "with download=False, regenerate=True",
            stacklevel=2,
        )
    if isinstance(found, dict) and not isinstance(found, Dataset):
        found = Dataset(found)
        found.parameters = None if difference else _wanted(args)
    return found


def _parameters(args: Any) -> Parameters:
    """Convert the arguments, except the seed; raise ValueError for what only the original may take."""
    values = {name: getattr(args, name) for name in NAMES if name != "seed"}
    return Parameters(**{**values, "shuffle_seq": bool(values["shuffle_seq"])})


def _wanted(args: Any) -> Parameters | None:
    """Convert the arguments, or return None if `Parameters` do not take them."""
    args = get_dataset_args() if args is None else args
    try:
        return replace(_parameters(args), seed=getattr(args, "seed", Parameters().seed))
    except (AttributeError, ValueError):
        return None


def _in_order(data: Dataset, templates: dict[str, NDArray[Any]]) -> Dataset:
    """Arrange a dataset as the published file, with the templates that were given."""
    ordered = Dataset({name: data[name] for name in ORDER[:-1]}, templates=templates)
    ordered.parameters = data.parameters
    return ordered


def _warn_of_slips(args: Any) -> None:
    """Warn of attributes that nothing reads and whose names are nearly those of parameters."""
    for name in sorted(getattr(args, "__dict__", {}).keys() - {*NAMES, "url"}):
        if near := nearest_name(name, NAMES, NEAR):
            warnings.warn(f"args.{name} has no effect. Did you mean args.{near}?", stacklevel=level_of_caller())


def _draw_one_by_one(args: Any, templates: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Draw as the original does, for values that `Parameters` does not take, such as a negative scale."""
    labels = np.repeat(np.arange(len(templates["y"])), args.num_samples // len(templates["y"]))
    x = np.stack([transform(templates["x"][label], templates["t"], args)[0] for label in labels])
    order = np.random.permutation(len(labels))  # noqa: NPY002
    x, y = x[order], templates["y"][labels[order]]
    if args.shuffle_seq:
        x = x[..., np.random.permutation(args.final_seq_length)]  # noqa: NPY002
    t = interpolate(interpolate(templates["t"], args.template_len + args.padding[-1]), args.final_seq_length) / x.std()
    x = (x - x.mean()) / x.std()
    split = int(len(y) * args.train_split)
    return {"x": x[:split], "x_test": x[split:], "y": y[:split], "y_test": y[split:], "t": t}


def _difference(found: Any, args: Any) -> str | None:
    """Describe the content of a file, if the arguments ask for something else."""
    if not (isinstance(found, dict) and set(ORDER[:4]) <= found.keys()):
        return "no dataset"
    wanted = _wanted(args)
    if wanted is None:
        return None
    rows = [generator.authors.split_rows(wanted, split) for split in ("train", "test")]
    asked = (*((count, wanted.final_seq_length) for count in rows), *((count,) for count in rows))
    if (shapes := tuple(np.shape(found[name]) for name in ORDER[:4])) != asked:
        return f"x {shapes[0]} and x_test {shapes[1]}, where the arguments ask for {asked[0]} and {asked[1]}"
    if sum(rows) > COMPARED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        data = generator.make_dataset(wanted)
    if all(np.allclose(found[name], data[name], rtol=0, atol=1e-9) for name in ORDER[:4]):
        return None
    return "other samples than the arguments ask for"
