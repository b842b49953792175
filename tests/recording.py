"""Transcripts: what a command prints, asks the Hub for and leaves, as texts that are the same wherever it runs.

They hold no digests and no sizes, so that a reviewer can read what a change does to them.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import groupby

import pyarrow.parquet as pq

from loopback import Hub, Record
from loopback.errors import HubError
from tests.commands import Ended

VERSIONS = "Requests of " + ", ".join(
    f"{name} {'.'.join(version(name).split('.')[:2])}" for name in ("datasets", "huggingface_hub")
)
SIZES = re.compile(
    r'(?<=\s)[\d,]+(?= bytes\b| -> )|[\d.]+(?=[kM]B\b)|(?<="size": )\d+|(?<="size_before": )\d+'
    "|(?<=_size: )\\d+|(?<=_bytes: )\\d+"
)
HEXADECIMAL = re.compile(r"\b[0-9a-f]{8,64}\b")
TRANSFERS = re.compile(r"hub \| .*( /lfs/|\.parquet | /xet/|xet-read-token)")
STORAGE = re.compile(r"(?<=/)[0-9a-f]{16,64}\b")  # in an address of the storage: hashes, and names that are drawn
OF_A_COMMIT = re.compile(r"^/api/datasets/.*/(revision|tree)/[0-9a-f]{40}")
NUMBERED = re.compile(r"\d{5}(?=-of-)")  # files
CYCLE = re.compile(r"^((?:.*\n){2,12}?)\1+", re.MULTILINE)  # equal blocks that follow each other


def told(arguments: Iterable[str], ended: Ended) -> list[str]:
    """A command, what it printed, and its exit code."""
    # A change in JSON has seven lines, which become one
    out = re.sub(r'\{\s+("path"[^}]*?)\s+\}', lambda change: f"{{{' '.join(change[1].split())}}}", ended.stdout)
    return [
        "",
        f"$ {shlex.join(['push_to_hub.py', *arguments])}",
        *(f"out | {line}" for line in out.splitlines()),
        *(f"err | {line}" for line in ended.stderr.splitlines()),
        f"exit code {ended.exit_code}",
    ]


def asked(hub: Hub) -> list[str]:
    """Requests since this was last called, except looks at a commit, which `HfFileSystem` remembers by thread."""
    requests = [request for request in hub.requests if not OF_A_COMMIT.search(request.path)]
    hub.forget()
    return [f"hub | {request.method} {_place(request)} {request.status}" for request in requests]


def _place(request: Record) -> str:
    if request.path.startswith("/xet/"):
        return STORAGE.sub("*", request.path)
    return f"{request.path}?{request.query}" if request.query else request.path


def left(hub: Hub, repo_id: str) -> Iterator[str]:
    """Commits and files of each ref."""
    yield "# On the Hub afterwards"
    for ref, commit in sorted(refs(hub, repo_id).items()):
        titles = [commit.title for commit in reversed(hub.commits(repo_id, ref))]
        yield f"{ref} at {commit}: {', '.join(titles)}"
        yield from listed(hub.files(repo_id, ref))


def refs(hub: Hub, repo_id: str) -> dict[str, str]:
    """Name -> commit of each ref; empty if the repository does not exist."""
    try:
        return hub.refs(repo_id)
    except HubError:
        return {}


def listed(files: Mapping[str, bytes]) -> Iterator[str]:
    """A line for each file, with the rows and columns of those that have some."""
    for path, content in sorted(files.items()):
        if path.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(content))
            yield f"  {path}  {len(table):,} rows: {', '.join(table.column_names)}"
        else:
            yield f"  {path}"


def names(hub: Hub, repo_id: str) -> dict[str, str]:
    """Names of commits, by their ids and by how these begin."""
    found: dict[str, str] = {}
    for ref in sorted(refs(hub, repo_id)):
        for commit in reversed(hub.commits(repo_id, ref)):
            found.setdefault(commit.oid, f"<commit {len(found) + 1}>")
    return {text: name for oid, name in found.items() for text in (oid, oid[:8])}


def masked(lines: Iterable[str], names: Mapping[str, str], url: str) -> Iterator[str]:
    """Lines with names for commits, and neither sizes nor digests, which are others each time or with each version."""
    for line in lines:
        known = HEXADECIMAL.sub(lambda found: names.get(found[0], "*" if len(found[0]) > 8 else found[0]), line)
        yield re.sub(r" +(?=\* bytes)", "  ", SIZES.sub("*", known.replace(url, "<hub>")))


def folded(lines: Iterable[str]) -> list[str]:
    """Lines without repetitions; transfers, which the clients do side by side, in the order of their text."""
    ordered: list[str] = []
    for transfers, group in groupby(lines, lambda line: bool(TRANSFERS.match(line))):
        together = list(group)
        # each once: how often the storage is asked depends on how its client divides the work
        ordered += sorted(set(together)) if transfers else together
    text = ""
    for pattern, repeated in groupby(ordered, lambda line: NUMBERED.sub("*", line)):
        together = list(repeated)
        text += (together[0].rstrip() if len(together) == 1 else f"{pattern}  ({len(together)} times)") + "\n"
    return CYCLE.sub(_once, text).splitlines()


def _once(cycle: re.Match[str]) -> str:
    lines = cycle[1].count("\n")
    return f"{cycle[1]}({lines} lines, {len(cycle[0]) // len(cycle[1])} times)\n"
