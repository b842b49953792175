"""The server, and what a test does with it from within the same process.

Werkzeug's threaded server is used because a ConnectionError out of the application closes the connection
without an answer, body read or not, and nothing in it is asynchronous: it runs in threads of the test's process.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from .accounts import TOKENS, Account
from .application import Application
from .commits import Change, Commit, Pull
from .faults import Fault, Record, Traffic
from .quota import Quota
from .site import Site
from .state import State

HOST = "127.0.0.1"


class Hub:
    """A Hub on loopback with its state in a folder; without `state` in one that `stop` removes.

    As the real one it has its storage at another address, `storage_url`: clients send no token of the Hub there.

    Tokens and addresses of the storage are good for `lifetime` seconds. `quota` is the number of requests to the API in
    five minutes; the default is the one of the largest plan, a free account has 1,000. `publishers` are trusted without
    a key: they exchange an identity token for one that writes to one repository, `datasets/namespace/name`.

    A second Hub on the folder of a stopped or killed one goes on where that was. `log` gets a line for each
    request: method, path and status.
    """

    def __init__(
        self,
        state: Path | None = None,
        port: int = 0,
        tokens: Mapping[str, Account] = TOKENS,
        log: Callable[[str], object] | None = None,
        **options: Any,
    ) -> None:
        self._folders, self._traffic = ExitStack(), Traffic()
        with (
            socket.create_server((HOST, port), backlog=128) as listening,
            socket.create_server((HOST, 0), backlog=128) as storage,
        ):
            self.url, self.storage_url = (f"http://{HOST}:{s.getsockname()[1]}" for s in (listening, storage))
            self._application = Application(self._new_site(state, tokens, **options), self._traffic, log)
            self._servers = [
                ThreadedWSGIServer(HOST, s.getsockname()[1], self._application, _Handler, fd=s.fileno())
                for s in (listening, storage)
            ]
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in self._servers
        ]
        for thread in self._threads:
            thread.start()

    def _new_site(
        self,
        state: Path | None = None,
        tokens: Mapping[str, Account] = TOKENS,
        lifetime: float = 3600,
        quota: int = 10_000,
        publishers: Mapping[str, str] | None = None,
    ) -> Site:
        self._state = State(state if state is not None else self._temporary())
        return Site(self._state, dict(tokens), self.url, self.storage_url, lifetime, Quota(quota), publishers or {})

    def reset(self, **options: Any) -> None:
        """Begin afresh at the same address, as a new Hub with these options, which the constructor has but for `port`.

        Starting one takes 0.1 s. The storage has a new address, so that hf_xet does not take it for the one before.
        """
        self.pause()
        self._folders.close()
        self.forget()
        self._application.site = self._new_site(**options)
        self._application.stopping.clear()

    def pause(self) -> None:
        """Finish the requests under way, and close the connections of further ones until the next `reset`."""
        self._application.finish()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more requests, finish those under way, remove what was temporary."""
        self.pause()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
        self._folders.close()

    def _temporary(self) -> Path:
        """Return a new folder that `stop` removes."""
        return Path(self._folders.enter_context(tempfile.TemporaryDirectory(prefix="hub-")))

    # What goes over the wire, and what is to go wrong with it.

    @property
    def requests(self) -> list[Record]:
        """The requests so far, in the order they came."""
        return self._traffic.records

    def fail(
        self,
        method: str | None = None,
        path: str | None = None,
        *,
        fault: Fault,
        request: int | None = None,
        nth: int = 1,
        times: int = 1,
    ) -> None:
        """Let the `nth` request that matches fail, and the ones after it, `times` in all.

        `path` is a regular expression looked for in the decoded path; `request` is a number as in `requests`.
        """
        self._traffic.expect(fault, method, path, request, nth, times)

    def before(
        self,
        method: str | None,
        path: str | None,
        callback: Callable[[], object],
        *,
        request: int | None = None,
        nth: int = 1,
    ) -> None:
        """Call `callback` once, just before the `nth` request that matches is worked on."""
        self._traffic.expect(callback, method, path, request, nth)

    def forget(self) -> None:
        """Drop the recorded requests, the faults and the callbacks; numbers start at 1 again."""
        self._traffic.forget()

    # What is on the Hub, without HTTP.

    def create(self, repository: str, private: bool = False) -> str:
        """Make a repository and return its first commit's id."""
        return self._state.create(repository, repository.partition("/")[0], private).at("main").oid

    def files(self, repository: str, revision: str = "main") -> dict[str, bytes]:
        """Return every file of a revision."""
        found = self._state.get(repository)
        return {path: found.read(entry) for path, entry in found.at(revision).files.items()}

    def commits(self, repository: str, revision: str = "main") -> list[Commit]:
        """Return the commits of a revision, the newest first."""
        return list(self._state.get(repository).history(revision))

    def refs(self, repository: str) -> dict[str, str]:
        """Return the commit ids of all branches, tags and pull requests, by full name: refs/heads/main."""
        return dict(self._state.get(repository).refs)

    def pulls(self, repository: str) -> list[Pull]:
        """Return the pull requests, the oldest first."""
        return list(self._state.get(repository).pulls.values())

    def commit(
        self,
        repository: str,
        files: Mapping[str, bytes] | None = None,
        delete: Sequence[str] = (),
        message: str = "commit of another",
        revision: str = "main",
        author: str = "another",
    ) -> str:
        """Commit as another user, LFS for the same files as over HTTP, and return the commit's id."""
        found = self._state.get(repository)
        changes: list[Change] = [(path, None) for path in delete]
        for path, data in (files or {}).items():
            mode = found.upload_mode(revision, path, len(data), data[:512])
            changes.append((path, found.objects.add(data, mode)))
        return found.commit(revision, changes, author, message).oid

    def propose(self, repository: str, files: Mapping[str, bytes], title: str, author: str = "another") -> None:
        """Open a pull request as another user."""
        found = self._state.get(repository)
        changes = [(path, found.objects.add(data, "regular")) for path, data in files.items()]
        found.propose(changes, author, title)

    def delete(self, repository: str) -> None:
        """Delete a repository."""
        self._state.delete(repository)

    def drop_uploads(self, repository: str, count: int) -> None:
        """Lose that many of the uploads that no commit names, as the Hub may."""
        self._state.get(repository).drop_uploads(count)

    def lose(self, repository: str, path: str) -> None:
        """Let the storage lose a large file, with what else is in its xorbs."""
        xet = self._state.get(repository).at("main").files[path].xet
        if xet is None:
            raise ValueError(f"{path} is a small file, which is not in the storage")
        self._state.xet.lose(xet)

    def expire_tokens(self) -> None:
        """Let all tokens and addresses of the storage that were given out so far be good no more."""
        self._application.site.secret = secrets.token_bytes(32)

    def environment(self, token: str | None = None, **more: str) -> dict[str, str]:
        """Return the environment for a client in another process: this Hub, a new HF_HOME, nothing else.

        Without a token the client is anonymous. It is os.environ without what would lead elsewhere, ready for
        `subprocess.run(env=...)`; with HF_HUB_DISABLE_XET=1 in it the client uses git-lfs. `more` is added last.
        """
        ours = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self._temporary()),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_XET_CLIENT_RETRY_BASE_DELAY": "50ms",  # not 3 s, which spares a busy server
        }
        if token is not None:
            ours["HF_TOKEN"] = token
        # datasets asks datasets-server.127.0.0.1 for what it lacks. Whatever is meant for another host comes
        # here as to a proxy, gets a 404 and is recorded. With /32 no_proxy does not match the end of a name.
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), self.url) | {"no_proxy": f"{HOST}/32"}
        ours |= proxies | {name.upper(): value for name, value in proxies.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        kept |= {name: value for name, value in os.environ.items() if name == "HF_HUB_DISABLE_XET"}
        return {**kept, **ours, **more}


class _Handler(WSGIRequestHandler):
    """Closes a connection at once when the application asks for it, or when it is silent; prints nothing."""

    timeout = 30

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """Do not wait for another request on the same connection."""
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep quiet: the application has its own log, without queries."""
