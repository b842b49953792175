"""Open the explorer on this machine, or gather the files of its Space: `python -m explorer [--space DIR]`."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from explorer import SPACE_ID
from explorer.space import write_space

HOST = "127.0.0.1"
PORTS = 100  # that are tried


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page, or write the folder; exit code 2 if that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    parser.add_argument("--space", type=Path, metavar="DIR", help="write the files of the Space into a new folder")
    parser.add_argument("--port", type=int, default=7860, help="or the next free one after it (default: 7860)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.port < 2**16:
        parser.error(f"--port {arguments.port} is not allowed: give a number from 1 to {2**16 - 1}")
    if arguments.space:
        try:
            files = write_space(arguments.space)
        except OSError as error:
            parser.error(f"{arguments.space} cannot be written: {error.strerror}; give a new folder")
        print(f"Wrote {len(files)} files. To publish the Space, with a token that may write to it:")
        print(f"hf repos create {SPACE_ID} --type space --sdk gradio --exist-ok")
        print(f"hf upload {SPACE_ID} {arguments.space} --type space")
        return 0
    try:
        import mnist1d  # first: it names the file of the user that hides one of this project

        if not hasattr(mnist1d, "CONFIGS"):
            raise ImportError(f"{mnist1d.__file__} hides MNIST-1D: rename that file, or work in another folder")
        from explorer.app import launch
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError)
        message = f"{error.name} is not installed. Run `pip install gradio`." if missing else error
        print(f"explorer: {message}", file=sys.stderr)
        return 2
    port = _free_port(arguments.port)
    if port is None:
        last = min(arguments.port + PORTS, 2**16) - 1
        parser.error(f"all ports from {arguments.port} to {last} are in use or not allowed: give another --port")
    page = launch(
        server_name=HOST, server_port=port, inbrowser=not arguments.no_browser, quiet=True, prevent_thread_lock=True
    )
    if port != arguments.port:
        print(f"Port {arguments.port} is in use, so the explorer has taken {port}.")
    print(f"The explorer is at http://{HOST}:{port} - press Ctrl+C to stop it.", flush=True)
    page.block_thread()
    return 0


def _free_port(first: int) -> int | None:
    """Return the first port from a number on that nothing listens at."""
    for port in range(first, min(first + PORTS, 2**16)):
        with suppress(OSError), socket.create_server((HOST, port)):
            return port
    return None


if __name__ == "__main__":
    sys.exit(main())
