"""Parameters as the Python that makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from generator.parameters import Parameters

WIDTH = 88  # of a line of code on the Hub's page


def changed_parameters(parameters: Parameters, usual: Parameters | None = None) -> dict[str, Any]:
    """Return the values that differ from the usual ones, which are the published data's by default.

    Examples
    --------
    >>> changed_parameters(Parameters(seed=7))
    {'seed': 7}
    """
    expected = asdict(usual or Parameters())
    return {name: value for name, value in asdict(parameters).items() if value != expected[name]}


def call(name: str, arguments: Sequence[str], keywords: Mapping[str, Any]) -> str:
    """A call, on several lines if it is long.

    Examples
    --------
    >>> call("Mnist1D", ['"default"'], {"num_samples": 100_000})
    'Mnist1D("default", num_samples=100_000)'
    """
    parts = [*arguments, *(f"{keyword}={literal(value)}" for keyword, value in keywords.items())]
    line = f"{name}({', '.join(parts)})"
    return line if len(line) <= WIDTH else f"{name}(\n    " + ",\n    ".join(parts) + ",\n)"


def literal(value: Any) -> str:
    """A value as Python.

    Examples
    --------
    >>> literal(100_000_000), literal(5000), literal((36, 60)), literal("sharded")
    ('100_000_000', '5000', '(36, 60)', '"sharded"')
    """
    if isinstance(value, str):
        return json.dumps(value)
    return f"{value:_}" if type(value) is int and value >= 10_000 else repr(value)
