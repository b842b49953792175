"""Rows that are in more than one split, whatever their columns hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from publisher.prepare.rows import row_digests

Place = tuple[str, int]  # split and index of a row in it


class Repeats:
    """Finds the rows of a config that are in more than one split, while its tables come one by one."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        self._features = features
        self._first: dict[bytes, Place] = {}
        self._found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._rows: dict[str, int] = defaultdict(int)

    def add(self, split: str, table: pa.Table) -> None:
        """Take the next rows of a split."""
        for digest in row_digests(table, self._features):
            index = self._rows[split]
            self._rows[split] += 1
            other, there = self._first.setdefault(digest, (split, index))
            if other != split:
                self._found[other, split].append((there, index))

    def findings(self, config: str) -> Iterator[str]:
        """One sentence for each pair of splits that have rows in common."""
        for (one, other), places in self._found.items():
            there, index = places[0]
            rows = "row is" if len(places) == 1 else "rows are"
            yield (
                f"config {config}: {len(places):,} {rows} in split {one} and in split {other}: "
                f"such as row {there} of {one}, which is row {index} of {other} (counted from 0)"
            )
