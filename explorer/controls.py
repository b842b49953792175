"""The controls of the page, made from `Parameters`: names, defaults, ranges, units and descriptions stand there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import Field, asdict, fields
from typing import Any

import gradio as gr

from generator import Parameters

LAST = ("seed", "num_samples", "train_split", "template_len")  # change the samples, but not their looks
FIELDS: dict[str, Field[Any]] = {
    field.name: field for field in sorted(fields(Parameters), key=lambda field: field.name in LAST)
}


def describe(name: str) -> str:
    """What the documentation of `Parameters` says of one; its first sentence says it in plain words.

    Examples
    --------
    >>> describe("final_seq_length")
    'Number of points in a finished sample.'
    """
    documentation = inspect.getdoc(Parameters) or ""
    found = re.search(rf"^{name} : .*\n((?:    .*\n)+)", documentation, flags=re.MULTILINE)
    assert found, name
    return " ".join(found[1].split())


def make_controls() -> dict[str, list[gr.components.Component]]:
    """The controls of each parameter, two for an interval; inside of a `gr.Blocks`."""
    return {name: _make(field) for name, field in FIELDS.items()}


def _make(field: Field[Any]) -> list[gr.components.Component]:
    name, default = field.name, field.default
    text = re.split(r"(?<=\.) ", describe(name))[0]
    if isinstance(default, bool):
        return [gr.Checkbox(value=default, label=name, info=text, elem_id=name)]
    if not field.metadata["explore"]:
        return [gr.Number(value=default, label=name, info=text, elem_id=name)]
    low, high, step = field.metadata["explore"]
    unit = field.metadata["unit"]
    if isinstance(default, tuple):
        fewest, most = default
        return [
            gr.Slider(low, high, fewest, step=step, label=f"{name}[0], fewest {unit}", info=text, elem_id=f"{name}-0"),
            gr.Slider(low, high, most, step=step, label=f"{name}[1], most {unit}", elem_id=f"{name}-1"),
        ]
    return [gr.Slider(low, high, default, step=step, label=f"{name}, {unit}", info=text, elem_id=name)]


def read(values: Sequence[Any]) -> Parameters:
    """The parameters that the controls stand at.

    Raises
    ------
    ValueError
        What `Parameters` says.
    """
    left = iter(values)
    named: dict[str, Any] = {}
    for name, field in FIELDS.items():
        value = [_number(next(left), field) for _ in range(2 if isinstance(field.default, tuple) else 1)]
        named[name] = tuple(value) if isinstance(field.default, tuple) else value[0]
    return Parameters(**named)


def positions(parameters: Parameters) -> list[Any]:
    """Where the controls have to stand for some parameters.

    Raises
    ------
    ValueError
        If a value is beyond what the page draws.
    """
    found: list[Any] = []
    for name, field in FIELDS.items():
        value = asdict(parameters)[name]
        values = list(value) if isinstance(value, tuple) else [value]
        if explore := field.metadata["explore"]:
            low, high, _ = explore
            if not all(low <= value <= high for value in values):
                raise ValueError(f"{name}={value} is beyond this page: give {low:g} to {high:g}, or draw it in Python")
        found += values
    return found


def _number(value: Any, field: Field[Any]) -> Any:
    """A number as the browser means it: it has no integers."""
    whole = isinstance(field.default, int | tuple) and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value
