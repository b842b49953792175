"""MNIST-1D as a `datasets` builder: the three configs, and how arrays become a dataset.

>>> from mnist1d import Mnist1D
>>> builder = Mnist1D("shuffled", num_samples=1000, seed=7)
>>> next(iter(builder.as_streaming_dataset(split="test")))["y"]
9
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import datasets
import numpy as np
import pyarrow as pa

PACKAGES = ("card", "explorer", "generator", "loopback", "publisher")  # beside this file


def refuse_hidden(error: ImportError) -> None:
    """Say which file is in the way, if an import failed because one of the user's own has a name of ours.

    Raises
    ------
    ImportError
        If it did.
    """
    name = (error.name or "").partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if name in PACKAGES and file:
        raise ImportError(
            f"{file} hides the package `{name}` of MNIST-1D: rename that file, or work in another folder", name=name
        ) from error


try:
    import generator
    from generator import Dataset, Parameters, Recipe
    from generator.arrays import Floats, Integers
    from generator.authors import check_size, split_rows
    from generator.population import population_moments
    from generator.recipes import as_parameters
    from generator.sharded import count_shards, draw_shard
except ImportError as error:
    refuse_hidden(error)
    raise

AUTHORS_NAMES = {  # of their package on PyPI, whose modules are those in the folder mnist1d_authors
    **dict.fromkeys(("data", "utils", "transform")),
    **dict.fromkeys(("get_dataset", "get_dataset_args", "get_templates", "make_dataset"), "data"),
    **dict.fromkeys(("ObjectView", "from_pickle", "plot_signals", "set_seed", "to_pickle"), "utils"),
}
if __name__ != "mnist1d":  # the copy that `datasets` makes of a script, far from the folder
    AUTHORS_NAMES = {}
__all__ = ["Mnist1D", "Mnist1DConfig", "load_arrays", *AUTHORS_NAMES]
__path__ = [os.path.join(os.path.dirname(__file__), "mnist1d_authors")]  # noqa: PTH118, PTH120 - finds `mnist1d.data`

DESCRIPTION = (
    "MNIST-1D: ten digits as 1-D signals of 40 points, made from templates by padding, dilation, scaling, translation, "
    "noise and shear. Small enough for a CPU, and hard enough to tell linear models, MLPs, CNNs and GRUs apart."
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
NO_FILES = (
    "data_dir",
    "data_files",
    "features",
)  # what `load_dataset` gives every builder, and this one has no use for
OTHER_KEYWORDS = {"parameters", "stream", "version", *inspect.signature(datasets.DatasetBuilder.__init__).parameters}
TABLE_ROWS = 10_000  # a table at a time: a few megabytes
_patched_for_streaming = True  # `datasets` need not patch how files are opened here, and import SciPy for that


@dataclass
class Mnist1DConfig(datasets.BuilderConfig):
    """A named set of `generator.Parameters`, and the stream that draws it.

    Examples
    --------
    >>> Mnist1DConfig(name="wide", parameters=Parameters(final_seq_length=80)).parameters.final_seq_length
    80
    """

    version: datasets.Version | str | None = VERSION
    parameters: Parameters = Parameters()
    stream: str = field(
        default="authors",
        metadata={
            "help": "authors, the default, or sharded: other samples of the same distribution, in independent shards"
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = as_parameters(self.parameters, {})
        if self.stream not in STREAMS:
            raise ValueError(f"stream={self.stream!r} is not allowed: give {' or '.join(STREAMS)}")

    def create_config_id(self, config_kwargs: dict[str, Any], custom_features: datasets.Features | None = None) -> str:
        """The name of the cache folder; overridden parameters take part in it one by one."""
        plain = dict(config_kwargs)
        if "parameters" in plain:
            plain |= asdict(plain.pop("parameters"))
        return str(super().create_config_id(plain, custom_features))


class Whole:
    """The authors' dataset, drawn once for both of its splits, when rows of one are first asked for."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def __reduce__(self) -> tuple[type[Whole], tuple[Parameters]]:
        return Whole, (self.parameters,)  # another process draws again, which takes less than sending the arrays

    @cached_property
    def data(self) -> Dataset:
        """The dataset; kept, because neither split can be drawn without the other."""
        return generator.make_dataset(self.parameters)


@dataclass(frozen=True, eq=False)
class Part:
    """A split of the authors' dataset."""

    whole: Whole
    split: str

    def chunks(self) -> Iterator[tuple[Floats, Integers]]:
        """The samples, `TABLE_ROWS` at a time."""
        data = self.whole.data
        x, y = (data.x, data.y) if self.split == "train" else (data.x_test, data.y_test)
        for start in range(0, len(x), TABLE_ROWS):
            yield x[start : start + TABLE_ROWS], y[start : start + TABLE_ROWS]


@dataclass(frozen=True, slots=True)  # slots, as 10**11 rows have a million of them
class Shard:
    """Samples that are drawn where and when they are needed."""

    parameters: Parameters
    split: str
    index: int

    def chunks(self) -> Iterator[tuple[Floats, Integers]]:
        """The samples, a few at a time."""
        yield from draw_shard(self.parameters, self.split, self.index)


class Mnist1D(datasets.ArrowBasedBuilder, datasets.GeneratorBasedBuilder):
    """Builder of MNIST-1D; rows reach Arrow as tables, which is why it is an `ArrowBasedBuilder` as well.

    Parameters
    ----------
    config_name : str, optional
        One of `BUILDER_CONFIGS`, such as "shuffled"; "default" if it is not given.
    **kwargs
        Any field of `generator.Parameters` overrides that of the config, and `parameters`, Parameters or a Recipe, all
        of them; None leaves it.
        `stream="sharded"` draws other samples of the same distribution, in shards that `num_proc` workers draw side by
        side and that are never all in memory. The rest goes to `datasets.DatasetBuilder`, such as `cache_dir`.

    Raises
    ------
    ValueError
        If the config, a keyword or a value is not known; the message lists what is.

    Notes
    -----
    Features: `x`, a sequence of float64, as published; `y`, int64. Splits: train and test, but for one that
    `train_split` leaves empty.

    Examples
    --------
    >>> builder = Mnist1D("large-padding")
    >>> builder.config.parameters.padding
    (84, 132)
    >>> Mnist1D("defualt")
    Traceback (most recent call last):
    ValueError: BuilderConfig 'defualt' not found. Available: ['default', ...]
    """

    BUILDER_CONFIG_CLASS = Mnist1DConfig
    BUILDER_CONFIGS: ClassVar = [
        Mnist1DConfig(
            name="default",
            description="The authors' published data: 4,000 training and 1,000 test samples of 40 points.",
        ),
        Mnist1DConfig(
            name="shuffled",
            description="The same samples with their points in one random order, the same for all: convolutional and "
            "recurrent networks can no longer rely on which points are neighbours.",
            parameters=Parameters(shuffle_seq=True),
        ),
        Mnist1DConfig(
            name="large-padding",
            description="Digits that fill a smaller part of a longer signal of 80 points and move further, so that a "
            "model has to find them wherever they are.",
            parameters=Parameters(padding=(84, 132), max_translation=120, final_seq_length=80),
        ),
    ]
    DEFAULT_CONFIG_NAME = "default"
    DEFAULT_WRITER_BATCH_SIZE = TABLE_ROWS

    def __init__(self, config_name: str | None = None, **kwargs: Any) -> None:
        names = [parameter.name for parameter in fields(Parameters)]
        for name, value in kwargs.items():
            if name not in {*names, *OTHER_KEYWORDS} or (name in NO_FILES and value is not None):
                raise ValueError(f"{name} is not a parameter of MNIST-1D: give {', '.join([*names, 'stream'])}")
        if not isinstance(config_name, str | None):
            raise ValueError(f"config_name={config_name!r} is not allowed: give {', '.join(self.builder_configs)}")
        if kwargs.get("stream") not in (None, *STREAMS):
            raise ValueError(f"stream={kwargs['stream']!r} is not allowed: give {' or '.join(STREAMS)}")
        overrides = {name: kwargs.pop(name) for name in names if name in kwargs}
        overrides = {name: value for name, value in overrides.items() if value is not None}
        given = kwargs.pop("parameters", None)
        if config := self.builder_configs.get(config_name or self.DEFAULT_CONFIG_NAME):
            parameters = as_parameters(config.parameters if given is None else given, overrides)
            if parameters != config.parameters:  # then the config has a cache of its own
                kwargs["parameters"] = parameters
        super().__init__(config_name=config_name, **kwargs)
        if self.config.stream != "sharded":
            check_size(self.config.parameters)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description=f"{DESCRIPTION}\n\n{self.config.description}",
            citation=CITATION,
            homepage=HOMEPAGE,
            license=LICENSE,
            features=datasets.Features(
                {"x": datasets.Sequence(datasets.Value("float64")), "y": datasets.Value("int64")}
            ),
        )

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        parameters = self.config.parameters
        level = not (parameters.iid_noise_scale or parameters.shear_scale)  # maybe all points are equal: tried at once
        parts: dict[str, list[Part] | list[Shard]]
        if self.config.stream == "sharded":
            if level:
                population_moments(parameters)
            parts = {
                split: [Shard(parameters, split, index) for index in range(count_shards(parameters, split))]
                for split in ("train", "test")
            }
        else:
            whole = Whole(parameters)
            if level:
                _ = whole.data
            parts = {split: [Part(whole, split)] for split in ("train", "test") if split_rows(parameters, split)}
        return [
            datasets.SplitGenerator(name=name, gen_kwargs={"parts": split})
            for name, split in parts.items()
            if split  # `datasets` has no empty splits
        ]

    def _generate_tables(self, parts: list[Part] | list[Shard]) -> Iterator[tuple[int, pa.Table]]:
        for key, (x, y) in enumerate(chunk for part in parts for chunk in part.chunks()):
            offsets = np.arange(len(x) + 1, dtype=np.int32) * x.shape[1]
            yield key, pa.table([pa.ListArray.from_arrays(offsets, x.ravel()), pa.array(y)], names=["x", "y"])

    def _generate_examples(self, parts: list[Part] | list[Shard]) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = (row for part in parts for chunk in part.chunks() for row in zip(*chunk, strict=True))
        for key, (signal, label) in enumerate(rows):
            yield key, {"x": signal, "y": label}

    def _prepare_split(self, split_generator: datasets.SplitGenerator, **kwargs: Any) -> Any:
        kwargs.pop("check_duplicate_keys", None)  # up to 4.0, `GeneratorBasedBuilder` passes it on
        return super()._prepare_split(split_generator, **kwargs)


def load_arrays(
    config_name: str | Parameters | Recipe = "default",
    *,
    split: str = "train",
    source: str | os.PathLike[str] | None = None,
    **changed: Any,
) -> tuple[Floats, Integers]:
    """The samples and labels of a config as NumPy arrays, the same from wherever they come.

    Parameters
    ----------
    config_name : str, Parameters or Recipe, optional
        A config, or the parameters of another dataset.
    split : str, optional
        "train", "test" or "train+test".
    source : str or path, optional
        By default the arrays are drawn on the spot: no file, no network, about 0.1 s. Else a folder that
        `scripts/push_to_hub.py --output-dir` wrote, or a repository on the Hub, such as "christopher/mnist1d".
    **changed
        Any field of `generator.Parameters`, which replaces that of the config; not with a source.

    Returns
    -------
    x : (rows, final_seq_length) float64
    y : (rows,) int64

    Raises
    ------
    ValueError
        If the config, the split or a parameter is not known; the message lists what is. What `datasets.load_dataset`
        raises for a source that cannot be read comes as it is.

    Examples
    --------
    >>> x, y = load_arrays("shuffled", split="train+test")
    >>> x.shape, y.shape
    ((5000, 40), (5000,))
    >>> x, y = load_arrays(num_samples=8000, train_split=0.5)
    >>> x.shape, y.shape
    ((4000, 40), (4000,))
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not allowed: give {', '.join(SPLITS)}")
    if isinstance(config_name, str):
        if config_name not in Mnist1D.builder_configs:
            raise ValueError(f"config_name={config_name!r} is not allowed: give {', '.join(Mnist1D.builder_configs)}")
        declared: Parameters | Recipe = Mnist1D.builder_configs[config_name].parameters
    else:
        declared = config_name
    parameters = as_parameters(declared, changed)
    if source is not None:
        if changed or not isinstance(config_name, str):
            raise ValueError(f"{os.fspath(source)} has the samples that it has: give a config and no parameters")
        rows = datasets.load_dataset(os.fspath(source), config_name, split=split).with_format("arrow")
        x = np.concatenate([chunk.flatten().to_numpy() for chunk in rows["x"][:].chunks])
        y = np.concatenate([chunk.to_numpy() for chunk in rows["y"][:].chunks])
        return x.reshape(len(rows), -1), y
    data = generator.make_dataset(parameters)
    if split == "train+test":
        return np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    return (data.x, data.y) if split == "train" else (data.x_test, data.y_test)


def __getattr__(name: str) -> Any:
    """The authors' names, loaded when they are asked for."""
    if name not in AUTHORS_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = AUTHORS_NAMES[name]
    module = importlib.import_module(f"{__name__}.{home or name}")
    return getattr(module, name) if home else module


def __dir__() -> list[str]:
    return sorted({*globals(), *AUTHORS_NAMES})
