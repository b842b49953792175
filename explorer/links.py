"""Parameters as a link, and back."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode

from explorer import SPACE_ID
from generator import Parameters
from generator.spelling import changed_parameters

SPACE = f"https://huggingface.co/spaces/{SPACE_ID}"
NAMES = [field.name for field in fields(Parameters)]


def link(parameters: Parameters, page: str = SPACE) -> str:
    """Return the address of the explorer's page, opened with some parameters.

    Examples
    --------
    >>> link(Parameters(padding=(84, 132), seed=7))
    'https://huggingface.co/spaces/christopher/mnist-1d-explorer?padding=84,132&seed=7'
    """
    changed = changed_parameters(parameters)
    values = {name: ",".join(map(str, value)) if name == "padding" else value for name, value in changed.items()}
    return f"{page}?{urlencode(values, safe=',')}" if values else page


def read_query(query: Mapping[str, str]) -> Parameters:
    """Return the parameters that a link carries, whatever else it has.

    Raises
    ------
    ValueError
        What `Parameters` says of a value that is not allowed.

    Examples
    --------
    >>> read_query({"padding": "84,132", "seed": "7"}) == Parameters(padding=(84, 132), seed=7)
    True
    """
    return Parameters(**{name: _value(query[name]) for name in NAMES if name in query})


def describe_unknown(query: Mapping[str, str]) -> str:
    """Return a sentence on each name that is not a parameter, except for those of Gradio and the Hub (`__theme`).

    Examples
    --------
    >>> describe_unknown({"shear": "2", "__theme": "dark"})
    'The link has shear, which is not a parameter and was ignored. Did you mean shear_scale?'
    """
    sentences = []
    for name in query:
        if name not in NAMES and not name.startswith("__"):
            near = get_close_matches(name, NAMES, 1, 0.5)
            sentences.append(
                f"The link has {name}, which is not a parameter and was ignored."
                + (f" Did you mean {near[0]}?" if near else "")
            )
    return " ".join(sentences)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
