"""Builders made of a function, and helpers that publish and read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets

R = "tester/any"
VALUE = datasets.Value
INTEGER = datasets.Features({"x": VALUE("int64")})

Rows = Callable[..., Iterator[Any]]

SCRIPT = """import datasets
{head}
class Any(datasets.GeneratorBasedBuilder):
    {body}
    def _info(self):
        return datasets.DatasetInfo({info})
    def _split_generators(self, manager):
        {splits}
        return [datasets.SplitGenerator("train", {given})]
    def _generate_examples(self, given=None):
        {rows}
"""


def script(path: Path, **parts: str) -> Path:
    """A loading script; the parts are those of `SCRIPT`."""
    parts = dict.fromkeys(("head", "info"), "") | dict.fromkeys(("body", "splits"), "pass") | {"given": "{}"} | parts
    path.write_text(SCRIPT.format(**parts), encoding="utf-8")
    return path


def builder(
    rows: Rows,
    features: datasets.Features | None = INTEGER,
    configs: Iterable[datasets.BuilderConfig | str] = (),
    default: str | None = None,
    tables: bool = False,
    **splits: dict[str, Any],
) -> type[datasets.DatasetBuilder]:
    """A builder whose rows a function of the config and the `gen_kwargs` gives; some configs are names alone."""

    def generate(self: Any, **given: Any) -> Iterator[tuple[int, Any]]:
        yield from enumerate(rows(self.config, **given))

    def split_generators(self: Any, manager: Any) -> list[datasets.SplitGenerator]:
        return [
            datasets.SplitGenerator(name=name, gen_kwargs=given) for name, given in (splits or {"train": {}}).items()
        ]

    declared = [datasets.BuilderConfig(name=each) if isinstance(each, str) else each for each in configs]
    base = datasets.ArrowBasedBuilder if tables else datasets.GeneratorBasedBuilder
    return type(
        "Any",
        (base,),
        {
            "BUILDER_CONFIGS": declared,
            "DEFAULT_CONFIG_NAME": default,
            "_info": lambda self: datasets.DatasetInfo(features=features),
            "_split_generators": split_generators,
            "_generate_tables" if tables else "_generate_examples": generate,
            "__module__": __name__,
        },
    )


def one(config: Any, **given: Any) -> Iterator[dict[str, Any]]:
    """A single row."""
    yield {"x": 1}


def load(name: str | None = None, split: str = "train") -> datasets.Dataset:
    """A split as users load it."""
    return datasets.load_dataset(R, name, split=split)
