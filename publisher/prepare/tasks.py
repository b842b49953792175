"""What is drawn at a time: a config as a whole, or the files of one in shards; and configs put together from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from publisher.errors import UsageError
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import DataFile
from publisher.prepare.shards import FilePart, assemble, is_sharded, plan_parts
from publisher.prepare.whole import WholeConfig

Task = WholeConfig | FilePart
Prepared = PreparedConfig | Sequence[DataFile]  # what becomes of a task: of a whole, or of a part


def plan_tasks(sources: Iterable[ConfigBuilder], default: str, faults: dict[str, UsageError] | None) -> list[Task]:
    """The tasks of configs, in order; `default` is the name of the builder's default config.

    `faults` takes what is wrong with a config, while the others go on.
    """
    tasks: list[Task] = []
    for source in sources:
        try:
            assert source.builder
            tasks += plan_parts(source, default) if is_sharded(source) else [WholeConfig(source, default)]
        except UsageError as error:
            if faults is None:
                raise
            faults[source.config_name] = error
    return tasks


def assemble_configs(tasks: Sequence[Task], drawn: Sequence[Prepared]) -> list[PreparedConfig]:
    """The configs that tasks belong to, from what became of each."""
    configs = []
    for _, group in groupby(zip(tasks, drawn, strict=True), key=lambda pair: id(pair[0].source)):
        of_config, results = zip(*group, strict=True)
        if isinstance(results[0], PreparedConfig):
            configs.append(results[0])
        else:
            configs.append(assemble(of_config, results))
    return configs
