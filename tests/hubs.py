"""The Hub on loopback that the tests of one process share, always empty at first; `HF_ENDPOINT` names it."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from loopback import Hub
from loopback.errors import HubError
from loopback.repository import Repository


def _free_port() -> int:
    """A port below those that the system gives to connections, which would take it while no server runs."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", random.SystemRandom().randrange(20_000, 30_000))) as free,
        ):
            return int(free.getsockname()[1])


PORT = _free_port()  # one for each process, so that pytest-xdist can run several
URL = f"http://127.0.0.1:{PORT}"
_running: list[Hub] = []


@contextlib.contextmanager
def empty_hub(files: Mapping[str, Mapping[str, bytes]] | None = None, **options: Any) -> Iterator[Hub]:
    """Reset the Hub of this process, with repositories if `files` are given; afterwards it refuses connections.

    `files` maps a repository to its files by path, `options` are those of `loopback.Hub.reset`.
    """
    if _running:
        _running[0].reset(**options)
    else:
        _running.append(Hub(port=PORT, **options))
    hub = _running[0]
    for repository, contents in (files or {}).items():
        hub.create(repository)
        hub.commit(repository, contents)
    try:
        yield hub
    finally:
        if hub in _running:
            hub.pause()


def stop_hub() -> None:
    """Free the port for another server; the next `empty_hub` starts a Hub again."""
    while _running:
        _running.pop().stop()
    close_connections()


def files_of(hub: Hub, repository: str, revision: str = "main") -> dict[str, bytes]:
    """Files of a repository but .gitattributes, which every repository has; empty if the repository does not exist."""
    try:
        return {path: data for path, data in hub.files(repository, revision).items() if path != ".gitattributes"}
    except HubError:
        return {}


def uploads(hub: Hub) -> int:
    """Number of files that were uploaded."""
    return sum(request.method == "PUT" for request in hub.requests)


def close_connections() -> None:
    """Let the client forget its connections: they lead to a Hub that is gone."""
    import huggingface_hub

    huggingface_hub.close_session()


def ignore_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the Hub build each commit over whatever is the newest: the parent is given after the title."""
    commit, propose = Repository.commit, Repository.propose
    monkeypatch.setattr(Repository, "commit", lambda self, *given: commit(self, *given[:4]))
    monkeypatch.setattr(Repository, "propose", lambda self, *given: propose(self, *given[:3]))
