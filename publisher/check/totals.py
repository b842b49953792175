"""What a card's `dataset_info` says of a config, against what its files hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import datasets
import pyarrow as pa

from publisher.card.metadata import SIZE_CATEGORIES, size_category
from publisher.card.record import CARD, ConfigRecord
from publisher.hub.cleaning import one_line
from publisher.prepare.datasets_compat import features_from_card
from publisher.prepare.digests import digest_values
from publisher.prepare.rows import arrow_bytes

ESTIMATE = 0.1  # `push_to_hub` of `datasets` estimates num_bytes of a selection of rows by their share


@dataclass
class Totals:
    """What the files of a split hold together."""

    rows: int = 0
    size: int = 0  # bytes of the files
    low: int = 0  # Arrow bytes, without and with the bitmaps of nulls, which depend on the writer
    high: int = 0
    whole: bool = True  # all of its files could be read
    digests: dict[str, Any] = field(default_factory=dict)  # column -> SHA-256 so far, or None

    def add(self, table: pa.Table) -> None:
        """Count the next rows of the split."""
        self.rows += table.num_rows
        for name, column in zip(table.column_names, table.columns, strict=True):
            self.low += arrow_bytes(column)
            self.high += arrow_bytes(column, bitmaps=2)  # one has up to a byte more for each batch that was written
            digest = self.digests.setdefault(name, hashlib.sha256())
            if digest is not None and not digest_values(digest, column):
                self.digests[name] = None


def read_features(config: str, info: Mapping[str, Any]) -> tuple[datasets.Features | None, list[str]]:
    """The features that a card lists."""
    if "features" not in info:
        return None, []
    try:
        features = features_from_card(info["features"])
        features.arrow_schema  # noqa: B018  # fails for what is no type
    except Exception as error:  # whatever a hand-written list leads to
        return None, [f"{CARD}: dataset_info of config {config}: features cannot be read: {one_line(error)}"]
    return features, []


def check_info(config: str, info: Mapping[str, Any], totals: Mapping[str, Totals], exact: bool) -> Iterator[str]:
    """Splits, rows and sizes.

    Parameters
    ----------
    config : str
    info : mapping
        The entry of `dataset_info`.
    totals : mapping of str to Totals
        By split.
    exact : bool
        Whether the publisher wrote it: other writers estimate `num_bytes`.
    """
    where = f"{CARD}: dataset_info of config {config}"
    listed = info.get("splits")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    splits = {str(entry.get("name")): entry for entry in entries}
    if listed is not None:
        for name in splits:
            if name not in totals:
                yield f"{where} has a split {name!r} that configs does not have: {', '.join(totals) or 'there is none'}"
        for name in totals:
            if name not in splits:
                yield f"{where} has no split {name!r}, which configs has"
    for name, total in totals.items():
        said = splits.get(name, {})
        if not total.whole:
            continue
        if "num_examples" in said and said["num_examples"] != total.rows:
            yield f"{where}, split {name}: num_examples is {said['num_examples']}, and the files have {total.rows} rows"
        if "num_bytes" in said and not _fits(said["num_bytes"], total.low, total.high, exact):
            yield f"{where}, split {name}: num_bytes is {said['num_bytes']}, and the rows take {total.low} Arrow bytes"
    if not all(total.whole for total in totals.values()):
        return
    low, high, size = (sum(getattr(total, name) for total in totals.values()) for name in ("low", "high", "size"))
    if "dataset_size" in info and not _fits(info["dataset_size"], low, high, exact):
        yield f"{where}: dataset_size is {info['dataset_size']}, and the rows take {low} Arrow bytes"
    if "download_size" in info and info["download_size"] != size:
        yield f"{where}: download_size is {info['download_size']}, and the files have {size} bytes"


def _fits(said: Any, low: int, high: int, exact: bool) -> bool:
    if not isinstance(said, int | float):
        return False
    return low <= said <= high if exact else low * (1 - ESTIMATE) <= said <= high * (1 + ESTIMATE)


def check_digests(config: str, record: ConfigRecord, totals: Mapping[str, Totals]) -> Iterator[str]:
    """SHA-256 of the values of each column, against the card's record."""
    for split, columns in record.digests.items():
        total = totals.get(split)
        if total is None:
            yield f"config {config}: split {split!r} is in the card's record, and no file is read as such"
            continue
        for column, wanted in columns.items() if total.whole else ():
            digest = total.digests.get(column)
            found = digest.hexdigest() if digest else "none"
            if found != wanted:
                yield (
                    f"config {config}, split {split}, column {column}: the values have the SHA-256 {found}, "
                    f"and the card's record says {wanted}"
                )


def check_size_category(metadata: Mapping[str, Any], rows: list[int]) -> Iterator[str]:
    """`size_categories` against the rows of the configs, of one of them or of all together."""
    listed = metadata.get("size_categories")
    fitting = dict.fromkeys(size_category(number) for number in [*rows, sum(rows)])
    for said in [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []:
        if said in SIZE_CATEGORIES.values() and said not in fitting:  # of any other value the Hub has to say
            yield f"{CARD}: size_categories is {said!r}, and the files have {sum(rows):,} rows: {' or '.join(fitting)}"
