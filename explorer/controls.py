"""The controls of the page, made from `Parameters`, which has their names, defaults, ranges and descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import Field, asdict, fields
from typing import Any, NamedTuple

import gradio as gr

from generator import Parameters

GROUPS = {
    "The digit": ("max_translation", "padding", "scale_coeff"),
    "The noise": ("corr_noise_scale", "iid_noise_scale"),
    "The whole signal": ("shear_scale", "final_seq_length", "template_len", "shuffle_seq"),
    "The dataset": ("seed", "num_samples", "train_split"),
}
_FIELDS = {field.name: field for field in fields(Parameters)}
FIELDS: dict[str, Field[Any]] = {name: _FIELDS[name] for names in GROUPS.values() for name in names}


class Control(NamedTuple):
    """The components of one parameter."""

    parts: list[gr.components.Component]  # two for an interval
    problem: gr.HTML  # the sentence on a value that is not allowed


def describe(name: str) -> str:
    """Return what the documentation of `Parameters` says of one; its first clause says it in plain words.

    Examples
    --------
    >>> describe("final_seq_length")
    'Number of points in a finished sample.'
    """
    documentation = inspect.getdoc(Parameters) or ""
    found = re.search(rf"^{name} : .*\n((?:    .*\n)+)", documentation, flags=re.MULTILINE)
    assert found, name
    return " ".join(found[1].split())


def make_controls() -> dict[str, Control]:
    """Make the controls of each parameter, inside a `gr.Blocks`."""
    controls = {}
    for group, names in GROUPS.items():
        gr.HTML(f"<h2>{group}</h2>", elem_classes="group")
        for name in names:
            controls[name] = Control(_make(FIELDS[name]), gr.HTML(elem_id=f"{name}-problem", elem_classes="problem"))
    return controls


def _make(field: Field[Any]) -> list[gr.components.Component]:
    name, default = field.name, field.default
    clause = re.split(r"[.:,](?: |$)", describe(name))[0]
    if isinstance(default, bool):
        return [gr.Checkbox(value=default, label=name, info=clause, elem_id=name)]
    if not field.metadata["explore"]:
        return [gr.Number(value=default, label=name, info=clause, elem_id=name)]
    if isinstance(default, tuple):
        fewest, most = default
        return [
            _slider(field, fewest, label=f"{name}, lowest", info=clause, elem_id=f"{name}-0"),
            _slider(
                field, most, label=f"{name}, highest", info="Each sample gets a value between", elem_id=f"{name}-1"
            ),
        ]
    return [_slider(field, default, label=name, info=clause, elem_id=name)]


def _slider(field: Field[Any], value: Any, **options: Any) -> gr.Slider:
    low, high, step = field.metadata["explore"]
    slider = gr.Slider(low, high, value, step=step, buttons=[], **options)
    slider.preprocess = lambda payload: payload  # Gradio would refuse what is beyond the ends in its own words
    return slider


def read(values: Sequence[Any]) -> dict[str, Any]:
    """Return the values that the controls stand at, by parameter."""
    left = iter(values)
    named: dict[str, Any] = {}
    for name, field in FIELDS.items():
        value = [_number(next(left), field) for _ in range(2 if isinstance(field.default, tuple) else 1)]
        named[name] = tuple(value) if isinstance(field.default, tuple) else value[0]
    return named


def find_problems(named: dict[str, Any]) -> dict[str, str]:
    """Return a sentence for each parameter whose value is not allowed, or is beyond what the page draws."""
    return {name: problem for name, value in named.items() if (problem := _find_problem(name, value))}


def _find_problem(name: str, value: Any) -> str:
    try:
        Parameters(**{name: value})
    except ValueError as error:
        return str(error)
    if explore := FIELDS[name].metadata["explore"]:
        low, high, _ = explore
        if not all(low <= number <= high for number in (value if isinstance(value, tuple) else (value,))):
            return f"{name}={value} is beyond this page: give {low:g} to {high:g}, or draw it in Python"
    return ""


def positions(parameters: Parameters) -> list[Any]:
    """Return where the controls have to stand for some parameters."""
    found: list[Any] = []
    for name in FIELDS:
        value = asdict(parameters)[name]
        found += value if isinstance(value, tuple) else [value]
    return found


def _number(value: Any, field: Field[Any]) -> Any:
    """Convert a number from the browser, which sends all numbers as floats."""
    whole = isinstance(field.default, int | tuple) and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value
