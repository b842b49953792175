"""Card of a builder without a template, and fields of the YAML that a builder's texts lead to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets

from publisher.card.compose import Card
from publisher.prepare import item_of
from publisher.prepare.configs import ConfigCard
from publisher.prepare.datasets_compat import flat

TEMPLATE = Path(__file__).with_name("default.md.jinja")
LABELS_SHOWN = 10  # names of a class label
NAME_LENGTH = 100  # characters of a licence's name
# Identifiers of the Hub: https://huggingface.co/docs/hub/repositories-licenses
LICENSES = Path(__file__).with_name("licenses.txt").read_text(encoding="ascii").split()
PHRASES = {  # in lower case -> word of the Hub's identifiers
    r"creative ?commons|\bcc(?=by\b)": " cc ",
    r"non ?commercial": "nc",
    r"share ?alike": "sa",
    r"no ?deriv\w*": "nd",
    r"attribution": "by",
    r"\bzero\b|\bcc ?0\b( 1\.0)?": " cc0 1.0 ",
    r"affero general public": "agpl",
    r"lesser general public": "lgpl",
    r"general public": "gpl",
    r"mozilla public": "mpl",
    r"open database|odbl": "odbl 1.0",
    r"open data commons|\bodc\b": "odc 1.0",
    r"community data license agreement": "cdla",
    r"(new|revised|modified) bsd": "bsd 3 clause",
    r"simplified bsd": "bsd 2 clause",
    r"expat": "mit",
    r"v(ersion|er)?\.? ?(?=\d)": " ",
}
NOISE = re.compile(
    r"\b(the|a|licen[cs]e[sd]?|under|international|unported|generic|universal|legalcode|deed|public|domain|dedication|"
    r"publicdomain|https?|www|org|com|opensource|gnu|or|later|only|simplified)\b"
)


def default_card(builder: type[datasets.DatasetBuilder], template: Path | None = None) -> Card:
    """Return the card for a builder, with the packaged template or another."""
    # a script's name says more than the name of its class
    title = re.sub(r"[_\W]+", " ", builder.__module__.rpartition(".")[2]).strip() or builder.__name__
    context = {"title": title, "kind_of": kind_of, "by_features": by_features, "on_one_line": on_one_line}
    return Card(template or TEMPLATE, {"pretty_name": title}, context, derived=fields_of)


def fields_of(builder: type[datasets.DatasetBuilder], configs: Sequence[ConfigCard]) -> dict[str, Any]:
    """Return the fields `license`, `license_name` and `language` as far as a builder says them."""
    told = next((text for config in configs if (text := config.info.license)), "")
    places = [builder, *(config.builder_config for config in configs)]
    said = [value for place in places for name in ("language", "languages") for value in flat(getattr(place, name, []))]
    codes = sorted({code for code in said if isinstance(code, str) and re.fullmatch(r"[a-z]{2,3}", code)})
    return {**license_fields(told), **({"language": codes} if codes else {})}


def license_fields(text: str) -> dict[str, str]:
    """Return `license`, and `license_name` if the text is none of the Hub's identifiers nor a usual spelling of one.

    Examples
    --------
    >>> license_fields("Apache License, Version 2.0"), license_fields("CC BY-SA 4.0")
    ({'license': 'apache-2.0'}, {'license': 'cc-by-sa-4.0'})
    >>> license_fields("Ask the authors"), license_fields(" ")
    ({'license': 'other', 'license_name': 'Ask the authors'}, {})
    """
    name = " ".join(str(text).split())
    if not name:
        return {}
    if (found := _words(name)) in KNOWN:
        return {"license": KNOWN[found]}
    return {"license": "other", "license_name": name if len(name) <= NAME_LENGTH else f"{name[:NAME_LENGTH]}…"}


def _words(text: str) -> frozenset[str | float]:
    """Return the words and numbers by which a licence is known, in any order."""
    spelled = re.sub(r"[-_/\s]+", " ", text.lower())
    for phrase, word in PHRASES.items():
        spelled = re.sub(phrase, word, spelled)
    words = re.findall(r"\d+(?:\.\d+)?|[a-z+]+", NOISE.sub(" ", spelled))
    if "odbl" in words or "cc0" in words:
        words = [word for word in words if word not in ("odc", "cc")]
    return frozenset(float(word) if word[0].isdigit() else word for word in words)


KNOWN = {_words(identifier): identifier for identifier in LICENSES}


def kind_of(feature: Any) -> str:
    """Return a feature in a few words.

    Examples
    --------
    >>> kind_of(datasets.Value("string")), kind_of([datasets.Value("int64")])
    ('string', 'list of int64')
    >>> kind_of({"start": datasets.Value("int32"), "tag": datasets.ClassLabel(names=["O", "B-PER"])})
    '{start: int32, tag: class label of 2: O, B-PER}'
    """
    if isinstance(feature, datasets.ClassLabel):
        names = [on_one_line(name) for name in (feature.names or [])]
        more = ", …" if len(names) > LABELS_SHOWN else ""
        return f"class label of {feature.num_classes}" + (f": {', '.join(names[:LABELS_SHOWN])}{more}" if names else "")
    if isinstance(feature, datasets.Value):
        return str(feature.dtype)
    if isinstance(feature, dict):
        return "{" + ", ".join(f"{name}: {kind_of(inner)}" for name, inner in feature.items()) + "}"
    if (inner := item_of(feature)) is not None:
        return f"list of {kind_of(inner)}"
    if (shape := getattr(feature, "shape", None)) is not None:
        return f"array of {feature.dtype}, {' x '.join('any' if size is None else str(size) for size in shape)}"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(feature).__name__).lower()


def by_features(configs: Sequence[ConfigCard]) -> list[tuple[list[ConfigCard], datasets.Features]]:
    """Group configs by their features, without those whose features are too large for a card."""
    groups: list[tuple[list[ConfigCard], datasets.Features]] = []
    for config in (config for config in configs if config.info.features is not None):
        same = next((group for group, features in groups if features == config.info.features), None)
        if same is None:
            groups.append(([config], config.info.features))
        else:
            same.append(config)
    return groups


def on_one_line(text: Any) -> str:
    r"""Return a text for a cell of a table.

    Examples
    --------
    >>> on_one_line("yes |\n no")
    'yes \\| no'
    """
    return " ".join(str(text).split()).replace("|", "\\|")
