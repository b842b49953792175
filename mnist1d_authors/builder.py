"""MNIST-1D as a `datasets` builder: arrays become tables. `mnist1d.Mnist1D` is the class in this module.

>>> from mnist1d import Mnist1D
>>> builder = Mnist1D("shuffled", num_samples=1000, seed=7)
>>> next(iter(builder.as_streaming_dataset(split="test")))["y"]
9
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import datasets
import numpy as np
import pyarrow as pa

import generator
import mnist1d
from generator import Dataset, Parameters
from generator.arrays import Floats, Integers
from generator.authors import check_size, split_rows
from generator.parameters import unknown_name
from generator.population import population_moments
from generator.recipes import as_parameters
from generator.sharded import count_shards, draw_shard

NO_FILES = ("data_dir", "data_files", "features")  # `load_dataset` gives them to every builder; this one reads no files
OTHER_KEYWORDS = {"parameters", "stream", "version", *inspect.signature(datasets.DatasetBuilder.__init__).parameters}
TABLE_ROWS = 10_000  # a table at a time: a few megabytes


@dataclass
class Mnist1DConfig(datasets.BuilderConfig):
    """A named set of `generator.Parameters`, and the stream that draws it.

    Examples
    --------
    >>> Mnist1DConfig(name="wide", parameters=Parameters(final_seq_length=80)).parameters.final_seq_length
    80
    """

    version: datasets.Version | str | None = mnist1d.VERSION
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
        mnist1d.check_stream(self.stream)

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
        Any field of `mnist1d.Parameters` replaces the config's value, and `parameters`, Parameters or a Recipe, all of
        them; None leaves it.
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

    __module__ = "mnist1d"  # `datasets` names caches after it, and processes find the class there
    BUILDER_CONFIG_CLASS = Mnist1DConfig
    BUILDER_CONFIGS: ClassVar = [Mnist1DConfig(**vars(config)) for config in mnist1d.CONFIGS]
    DEFAULT_CONFIG_NAME = mnist1d.DEFAULT_CONFIG_NAME
    DEFAULT_WRITER_BATCH_SIZE = TABLE_ROWS

    def __init__(self, config_name: str | None = None, **kwargs: Any) -> None:
        names = [parameter.name for parameter in fields(Parameters)]
        for name, value in kwargs.items():
            if name not in {*names, *OTHER_KEYWORDS} or (name in NO_FILES and value is not None):
                raise ValueError(unknown_name(name, [*names, "stream"], "a parameter of MNIST-1D"))
        if not isinstance(config_name, str | None):
            raise ValueError(f"config_name={config_name!r} is not allowed: give {', '.join(self.builder_configs)}")
        if kwargs.get("stream") is not None:
            mnist1d.check_stream(kwargs["stream"])
        overrides = {name: kwargs.pop(name) for name in names if name in kwargs}
        overrides = {name: value for name, value in overrides.items() if value is not None}
        given = kwargs.pop("parameters", None)
        if config := self.builder_configs.get(config_name or self.DEFAULT_CONFIG_NAME):
            parameters = as_parameters(config.parameters if given is None else given, overrides)
            if parameters != config.parameters:  # then the config has its own cache
                kwargs["parameters"] = parameters
        super().__init__(config_name=config_name, **kwargs)
        if self.config.stream != "sharded":
            check_size(self.config.parameters)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description=f"{mnist1d.DESCRIPTION}\n\n{self.config.description}",
            citation=mnist1d.CITATION,
            homepage=mnist1d.HOMEPAGE,
            license=mnist1d.LICENSE,
            features=datasets.Features(
                {"x": datasets.Sequence(datasets.Value("float64")), "y": datasets.Value("int64")}
            ),
        )

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        parameters = self.config.parameters
        level = not (parameters.iid_noise_scale or parameters.shear_scale)  # then all points may be equal: tried here
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
            if split  # `datasets` does not take empty splits
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


__test__ = {"Mnist1D": Mnist1D}  # doctest takes the class for another module's
