"""What the Hub shows above a card: the metadata as tags, and the first rows of each split."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from html import escape
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet

from publisher.card.record import PublishedCard, name_of

ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")  # the Hub makes tags of the papers that a card links to
ROWS = 10  # of a split
LONGEST = 75  # characters of a cell
TAGS = {  # the Hub's groups of tags, in its order, by the name of the field
    "task_categories": "Tasks",
    "task_ids": "Sub-tasks",
    "language": "Languages",
    "size_categories": "Size",
    "arxiv": "ArXiv",
    "annotations_creators": "Annotations creators",
    "source_datasets": "Source datasets",
    "tags": "Tags",
    "license": "License",
}


def tag_list(card: PublishedCard) -> str:
    """The metadata as the Hub's tags, with those that it makes of the papers that the card links to."""
    groups = {label: list(map(str, _listed(card.metadata.get(field)))) for field, label in TAGS.items()}
    groups["Tasks"] = [task.replace("-", " ").title() for task in groups["Tasks"]]
    groups["Size"] = [re.sub(r"n([<>])", r"\1 ", size.replace("<n<", " - ")) for size in groups["Size"]]
    groups["ArXiv"] += [f"arxiv:{paper}" for paper in dict.fromkeys(ARXIV.findall(card.prose))]
    shown = "".join(
        f"<div><dt>{label}:</dt>{''.join(f'<dd>{escape(value)}</dd>' for value in values)}</div>\n"
        for label, values in groups.items()
        if values
    )
    return f"<dl>\n{shown}</dl>\n"


def first_rows(card: PublishedCard, folder: Path) -> str:
    """The first rows of each split, as far as it is drawn; the first split is open."""
    shown = ""
    infos = {name_of(info): info for info in card.entries("dataset_info")}
    for config in card.entries("configs"):
        name = config["config_name"]
        counts = {split["name"]: split["num_examples"] for split in infos.get(name, {}).get("splits") or ()}
        for place, split in enumerate(_listed(config.get("data_files"))):
            opened = " open" if place == 0 and (config.get("default") or len(infos) < 2) else ""
            rows = f"{counts[split['split']]:,} rows" if split["split"] in counts else ""
            summary = f"<b>{escape(name)}</b> · {escape(split['split'])} · {rows}"
            files = sorted(path for pattern in _listed(split["path"]) for path in folder.glob(pattern))
            table = _table(files[0]) if files else "<p>The rows are not drawn yet.</p>"
            shown += f'<details name="viewer"{opened}><summary>{summary}</summary>{table}</details>\n'
    return shown


def data_uri(content: bytes, name: str, otherwise: str) -> str:
    """The content of a file as an address, of the type that its name says."""
    kind = mimetypes.guess_type(name)[0] or otherwise
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _table(path: Path) -> str:
    with pyarrow.parquet.ParquetFile(path) as file:
        features = datasets.Features.from_arrow_schema(file.schema_arrow)
        batch = next(file.iter_batches(ROWS), None)
    head = "".join(f"<th>{escape(name)}<small>{_kind(feature)}</small></th>" for name, feature in features.items())
    body = "".join(
        "<tr>" + "".join(f"<td>{_value(row[name], feature)}</td>" for name, feature in features.items()) + "</tr>\n"
        for row in (batch.to_pylist() if batch else [])
    )
    return f'<div class="rows"><table>\n<tr>{head}</tr>\n{body}</table></div>'


def _kind(feature: Any) -> str:
    """The type of a column, in the words of the Hub's viewer."""
    if isinstance(feature, datasets.Value):
        return str(feature.dtype)
    words = {dict: "dict", datasets.ClassLabel: "class label", datasets.Image: "image", datasets.Audio: "audio"}
    return words.get(type(feature), "list")


def _value(value: Any, feature: Any) -> str:
    if isinstance(feature, datasets.ClassLabel) and value is not None and value >= 0:
        return escape(f"{value} ({feature.int2str(value)})")
    if isinstance(feature, datasets.Image) and value and value["bytes"]:
        return f'<img alt="" src="{data_uri(value["bytes"], value["path"] or "", otherwise="image/png")}">'
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
