"""Finished configs: nothing of them is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from publisher.prepare.configs import PreparedConfig
from publisher.prepare.tasks import WholeConfig


@dataclass(frozen=True)
class Kept:
    """The configs of a job that are kept."""

    folder: Path

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        yield

    def find(self, task: WholeConfig) -> PreparedConfig | None:
        return None

    def draw(self, task: WholeConfig, root: Path) -> PreparedConfig:
        return task.prepare(root)

    def clear(self) -> None:
        pass
