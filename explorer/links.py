"""Parameters as a link, and back."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from explorer import SPACE_ID
from generator import Parameters
from generator.spelling import changed_parameters

SPACE = f"https://huggingface.co/spaces/{SPACE_ID}"


def link(parameters: Parameters, page: str = SPACE) -> str:
    """The explorer's page, opened with some parameters.

    Examples
    --------
    >>> link(Parameters(padding=(84, 132), seed=7))
    'https://huggingface.co/spaces/christopher/mnist-1d-explorer?padding=84,132&seed=7'
    """
    changed = changed_parameters(parameters)
    values = {name: ",".join(map(str, value)) if name == "padding" else value for name, value in changed.items()}
    return f"{page}?{urlencode(values, safe=',')}" if values else page


def read_query(query: Mapping[str, str]) -> Parameters:
    """The parameters that a link carries; those of others, such as `__theme`, are left alone.

    Raises
    ------
    ValueError
        What `Parameters` says of a value that is not allowed.

    Examples
    --------
    >>> read_query({"padding": "84,132", "seed": "7"}) == Parameters(padding=(84, 132), seed=7)
    True
    """
    names = [field.name for field in fields(Parameters)]
    return Parameters(**{name: _value(query[name]) for name in names if name in query})


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
