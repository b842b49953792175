"""Transcripts: what a command prints, asks the Hub for and leaves, as texts that are the same wherever it runs."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import groupby

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from loopback import Hub
from loopback.errors import HubError
from publisher.card import Card
from publisher.cli import main

VERSIONS = (
    f"Recorded with datasets {'.'.join(version('datasets').split('.')[:2])}, "
    f"huggingface_hub {'.'.join(version('huggingface_hub').split('.')[:2])}, "
    f"pyarrow {version('pyarrow')}"  # all of it: pyarrow writes it into its files
)
# What depends on versions, in transcripts and in cards
SIZES = re.compile(r'((\s+[\d,]+)( ->)?)+(?= bytes)|(?<="size": )\d+|(?<="size_before": )\d+|(?<=_size: )\d+')
HEXADECIMAL = re.compile(r"\b[0-9a-f]{8,64}\b")
TRANSFERS = re.compile(r"hub \| .*( /lfs/|\.parquet | /xet/|xet-read-token)")
STORAGE = re.compile(r"(?<=/)[0-9a-f]{16,64}\b")  # in an address of the storage: hashes, and names that are drawn
OF_A_COMMIT = re.compile(r"^/api/datasets/.*/(revision|tree)/[0-9a-f]{40}")
NUMBERED = re.compile(r"\bs\d{3}\b")  # splits of `Many`
DIGESTS = re.compile(r"(?<!values )(?<!text )\b[0-9a-f]{64}\b")


def without_versions(text: str) -> str:
    """A transcript, or a card, without what depends on the versions of libraries."""
    text = re.sub(r"^hub \|.*\n", "", text, flags=re.MULTILINE)
    return DIGESTS.sub("*", SIZES.sub(" *", text))


def run(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    repo_id: str,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> list[str]:
    """A command in this process, what it printed, and its exit code."""
    try:
        code = main(builder, card, repo_id, arguments)
    except SystemExit as end:  # of argparse
        code = int(end.code or 0)
    printed = capsys.readouterr()
    # A change in JSON has seven lines, which become one
    out = re.sub(r'\{\s+("path"[^}]*?)\s+\}', lambda change: f"{{{' '.join(change[1].split())}}}", printed.out)
    return [
        "",
        f"$ {shlex.join(['push_to_hub.py', *arguments])}",
        *(f"out | {line}" for line in out.splitlines()),
        *(f"err | {line}" for line in printed.err.splitlines() if not line.endswith(" s so far")),  # of a slow machine
        f"exit code {code}",
    ]


def asked(hub: Hub) -> list[str]:
    """The requests since this was last asked.

    But for looks at a commit: `HfFileSystem` remembers these by thread, and threads come and go.
    """
    requests = hub.requests
    hub.forget()
    return [
        f"{request.method} {STORAGE.sub('*', request.path)} {request.status}"
        if request.path.startswith("/xet/")
        else f"{request.method} {request.path}{'?' if request.query else ''}{request.query} {request.status}"
        for request in requests
        if not OF_A_COMMIT.search(request.path)
    ]


def left(hub: Hub, repo_id: str) -> Iterator[str]:
    """Commits and files of each ref."""
    yield "# What is on the Hub"
    for ref, commit in sorted(refs(hub, repo_id).items()):
        titles = [commit.title for commit in reversed(hub.commits(repo_id, ref))]
        yield f"{ref} at {commit}: {', '.join(titles)}"
        yield from listed(hub.files(repo_id, ref))


def refs(hub: Hub, repo_id: str) -> dict[str, str]:
    """Name -> commit of each ref; none if there is no repository."""
    try:
        return hub.refs(repo_id)
    except HubError:
        return {}


def listed(files: Mapping[str, bytes]) -> Iterator[str]:
    """A line for each file, with digests of what it says and of its bytes."""
    for path, content in sorted(files.items()):
        says = ""
        if path == "README.md":
            says = f"text {sha256(without_versions(content.decode()).encode())}  "
        elif path.endswith(".parquet"):
            says = f"values {sha256(*values(pq.read_table(io.BytesIO(content))))}  "
        yield f"{path}  {says}bytes {sha256(content)}"


def values(table: pa.Table) -> Iterator[bytes]:
    """Names, types and values of a table's columns, whatever chunks they come in."""
    yield str(table.schema.remove_metadata()).encode()
    for column in table.columns:
        array = column.combine_chunks()
        if pa.types.is_list(array.type):
            yield pc.list_value_length(array).to_numpy(zero_copy_only=False).tobytes()
            array = array.flatten()
        yield array.to_numpy(zero_copy_only=False).tobytes()


def sha256(*parts: bytes) -> str:
    """Of parts one after the other."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def names(hub: Hub, repo_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """Names of commits, by their ids and by how these begin; and of the contents of files, by their digests."""
    commits: dict[str, str] = {}
    contents: dict[str, str] = {}
    for ref in sorted(refs(hub, repo_id)):
        for oid in [commit.oid for commit in reversed(hub.commits(repo_id, ref))]:
            name = commits.setdefault(oid, f"commit {len(commits) + 1}")
            for path, content in hub.files(repo_id, oid).items():
                contents.setdefault(sha256(content), f"<{path} of {name}>")
    return {text: f"<{name}>" for oid, name in commits.items() for text in (oid, oid[:8])}, contents


def replaced(lines: Iterable[str], names: Mapping[str, str], hub: Hub) -> Iterator[str]:
    """Lines with names for what is another each time, or with each version."""
    for line in lines:
        yield HEXADECIMAL.sub(lambda found: names.get(found[0], found[0]), line).replace(hub.url, "<hub>")


def folded(lines: Iterable[str]) -> Iterator[str]:
    """Lines without repetitions; transfers, which the clients do side by side, in the order of their text."""
    ordered: list[str] = []
    for transfers, group in groupby(lines, lambda line: bool(TRANSFERS.match(line))):
        together = list(group)
        # each once: how often the storage is asked depends on how its client divides the work
        ordered += sorted(set(together)) if transfers else together
    for pattern, repeated in groupby(ordered, _pattern):
        alike = list(repeated)
        yield alike[0].rstrip() if len(alike) == 1 else f"{pattern}  ({len(alike)} times)"


def _pattern(line: str) -> str:
    numbered = NUMBERED.sub("*", line)
    return line if line == numbered else HEXADECIMAL.sub("*", SIZES.sub(" *", numbered))
