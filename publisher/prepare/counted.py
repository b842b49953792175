"""How many rows builders have made in this process: for whoever shows progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Counter:
    """A number that grows while items pass."""

    def __init__(self) -> None:
        self.number = 0

    def count(self, items: Iterable[T], size: Callable[[T], int]) -> Iterator[T]:
        """The same items, each counted by its size."""
        for item in items:
            self.number += size(item)
            yield item


ROWS = Counter()
