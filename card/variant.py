"""Content of a variant's card: its differences from MNIST-1D as declared, and the Python that draws it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import datasets

from generator.spelling import call, changed_parameters, literal
from publisher.prepare.configs import ConfigCard

LARGE_BYTES = 2_000_000_000  # of rows: more than people like to have in memory


@dataclass(frozen=True)
class Difference:
    """One setting that is not as usual."""

    name: str
    value: str
    usual: str
    configs: list[str] = field(default_factory=list)  # names of those it is so in


def differences(configs: Sequence[ConfigCard], declared: Mapping[str, datasets.BuilderConfig]) -> list[Difference]:
    """Differences between configs and their declarations; one that several configs share is listed once."""
    found: dict[tuple[str, str, str], Difference] = {}
    for config in configs:
        usual = settings(declared[config.name])
        for name, value in changed(config, declared).items():
            key = (name, shown(value), shown(usual[name]))
            found.setdefault(key, Difference(*key)).configs.append(config.name)
    order = list(settings(configs[0].builder_config))
    return sorted(found.values(), key=lambda difference: order.index(difference.name))


def changed(config: ConfigCard, declared: Mapping[str, datasets.BuilderConfig]) -> dict[str, Any]:
    """The settings of a config that are not as declared."""
    usual = settings(declared[config.name])
    return {name: value for name, value in settings(config.builder_config).items() if value != usual[name]}


def settings(config: datasets.BuilderConfig) -> dict[str, Any]:
    """Stream and parameters by name."""
    return {"stream": config.stream, **asdict(config.parameters)}


def builder_call(config: ConfigCard, declared: Mapping[str, datasets.BuilderConfig]) -> str:
    """Python that makes the builder of a config."""
    return call("Mnist1D", [literal(config.name)], changed(config, declared))


def parameters_call(config: ConfigCard) -> str:
    """Python that makes the parameters of a config."""
    return call("Parameters", [], changed_parameters(config.builder_config.parameters))


def shown(value: Any) -> str:
    """A value as people read it.

    Examples
    --------
    >>> shown(100_000_000), shown(0.8), shown("sharded")
    ('100,000,000', '0.8', 'sharded')
    """
    return f"{value:,}" if type(value) is int else str(value)


def is_large(config: ConfigCard) -> bool:
    """Return True if a config is too large to load as a whole."""
    return sum(split.num_bytes for split in config.info.splits.values()) > LARGE_BYTES
