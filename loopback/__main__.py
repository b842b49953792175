"""`python -m loopback [--port 8888] [--state DIR]`: start a Hub and say how to point a client at it."""

from __future__ import annotations

import argparse
import re
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from .accounts import WRITE_TOKEN, Account
from .server import Hub

_LINES = """\
A Hub listens at {url} until Ctrl-C; {kept}.
Paste this into the shell that you publish from; the new HF_HOME keeps your caches out of it:

export HF_ENDPOINT={url}
export HF_TOKEN={token}
export HF_HOME="$(mktemp -d)"

The token belongs to the user {user} and writes to repositories named {user}/...
"""


USER = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,95}")  # what the Hub lets stand before the slash


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; exit code 2 if the arguments cannot be used."""
    parser = _Parser(prog="python -m loopback", description="A Hugging Face Hub on loopback, for rehearsals.")
    parser.add_argument("--port", type=int, default=8888, help="where to listen; 0 is any port that is free")
    parser.add_argument("--state", type=Path, help="the folder to keep repositories in; without it none is kept")
    parser.add_argument("--user", default="tester", help="the user behind the token, tester if not given")
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65535:
        parser.error(f"the port must be from 0 to 65535, not {given.port}.")
    if given.state is not None and given.state.exists() and not given.state.is_dir():
        parser.error(f"the state must be a folder, and {given.state} is a file.")
    if not USER.fullmatch(given.user):
        parser.error(f"the user must be a name of letters, digits and -_., not {given.user[:50]!r}.")
    # A terminated Hub stops as an interrupted one does; a shell lets what it starts with & ignore SIGINT.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    try:
        with _start(parser, given) as hub:
            kept = f"what you publish is kept in {given.state}" if given.state else "nothing is kept"
            print(_LINES.format(url=hub.url, kept=kept, token=WRITE_TOKEN, user=given.user), flush=True)
            while not threading.Event().wait(0.2):  # a signal that another thread gets does not end a wait
                pass
    except KeyboardInterrupt:
        print("Stopped.", flush=True)
    return 0


def _start(parser: _Parser, given: argparse.Namespace) -> Hub:
    """Start a Hub, or leave with the reason why it cannot."""
    tokens = {WRITE_TOKEN: Account(given.user)}
    try:
        return Hub(given.state, given.port, tokens, log=lambda line: print(line, flush=True))
    except OSError as error:
        doing, option = ("write to {0.state}", "state") if error.filename else ("listen on port {0.port}", "port")
        parser.error(f"cannot {doing.format(given)}: {error.strerror}. Give another --{option}.")
    except (ValueError, KeyError, TypeError):
        parser.error(f"{given.state} holds something that is not the state of a Hub of this version. Give another.")


if __name__ == "__main__":
    sys.exit(main())
