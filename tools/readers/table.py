"""The table for people: rows are environments, columns are checks, reasons stand below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

PASSED, FAILED, KNOWN, NOTHING = "✓", "✗", "(✗)", "–"


@dataclass
class Row:
    """An environment, and what it could do."""

    name: str
    versions: str = ""
    errors: dict[str, str] = field(default_factory=dict)  # check -> what went wrong; empty: it passed
    dtypes: dict[str, str] = field(default_factory=dict)  # way of reading -> dtypes
    remarks: list[str] = field(default_factory=list)
    known_failure: str = ""

    @property
    def is_failed(self) -> bool:
        """True if something failed that is not known to fail."""
        return any(self.errors.values()) and not self.known_failure

    def mark(self, check: str) -> str:
        """The table's cell."""
        if check not in self.errors:
            return NOTHING
        if not self.errors[check]:
            return PASSED
        return KNOWN if self.known_failure else FAILED


def render(rows: Sequence[Row], checks: Sequence[str]) -> str:
    """The table and its notes, as Markdown that reads as well on a terminal.

    Parameters
    ----------
    rows : sequence of Row
    checks : sequence of str
        The columns.

    Returns
    -------
    str

    Examples
    --------
    >>> print(render([Row("polars", "polars 1.2", {"files": ""})], ["files", "Hub"]))
    | environment | files | Hub | versions   |
    |-------------|-------|-----|------------|
    | polars      | ✓     | –   | polars 1.2 |
    """
    lines = [["environment", *checks, "versions"]]
    lines += [[row.name, *(row.mark(check) for check in checks), row.versions] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "|".join("-" * (width + 2) for width in widths)
    table = [f"| {padded[0]} |", f"|{rule}|", *(f"| {line} |" for line in padded[1:])]
    notes = [*_notes(rows), *_dtypes(rows)]
    return "\n".join([*table, *([""] if notes else []), *notes])


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = []
    for row in rows:
        notes += [f"- {row.name}: {remark}" for remark in row.remarks]
        if row.known_failure and any(row.errors.values()):
            notes.append(f"- {row.name}, known: {row.known_failure}")
        by_error: dict[str, list[str]] = {}
        for check, error in row.errors.items():
            if error:
                by_error.setdefault(error, []).append(check)
        notes += [f"- {row.name}, {', '.join(failed)}: {error}" for error, failed in by_error.items()]
    return notes


def _dtypes(rows: Sequence[Row]) -> list[str]:
    """Dtypes that are shown, not judged, with all environments that give them."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for way, dtypes in row.dtypes.items():
            names.setdefault((way, dtypes), []).append(row.name)
    return [f"- `{way}` gives {dtypes}: {', '.join(given)}" for (way, dtypes), given in names.items()]
