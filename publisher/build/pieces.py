"""What is drawn at a time: a config as a whole, or the files of one in shards; and configs put together from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from publisher.build.configs import BuiltConfig
from publisher.build.files import DataFile
from publisher.build.shards import Part, assemble, is_sharded, plan_parts
from publisher.build.source import Source
from publisher.build.whole import Whole
from publisher.errors import UsageError

Piece = Whole | Part
Drawn = BuiltConfig | Sequence[DataFile]  # what becomes of a piece: of a whole, or of a part


def plan_pieces(sources: Iterable[Source], default: str, faults: dict[str, UsageError] | None) -> list[Piece]:
    """The pieces of configs, in order; `default` is the name of the builder's default config.

    `faults` takes what is wrong with a config, while the others go on.
    """
    pieces: list[Piece] = []
    for source in sources:
        try:
            assert source.builder
            pieces += plan_parts(source, default) if is_sharded(source) else [Whole(source, default)]
        except UsageError as error:
            if faults is None:
                raise
            faults[source.config] = error
    return pieces


def put_together(pieces: Sequence[Piece], drawn: Sequence[Drawn]) -> list[BuiltConfig]:
    """The configs that pieces belong to, from what became of each."""
    configs = []
    for _, group in groupby(zip(pieces, drawn, strict=True), key=lambda pair: id(pair[0].source)):
        of_config, results = zip(*group, strict=True)
        if isinstance(results[0], BuiltConfig):
            configs.append(results[0])
        else:
            configs.append(assemble(of_config, results))
    return configs
