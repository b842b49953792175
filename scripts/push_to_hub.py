#!/usr/bin/env python
"""Publish MNIST-1D: `python scripts/push_to_hub.py --help`."""

import os
import signal
import sys

STOPPED = b"push_to_hub.py: Interrupted. Nothing is half done; run the command again to continue.\n"


def _stop(number: int, frame: object) -> None:
    """End at once: an exception while libraries are imported may be swallowed by them, or come out as another one."""
    os.write(2, STOPPED)
    os._exit(128 + number)


def run() -> int:
    """Import and run the command; what fails while the libraries are imported is one sentence, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        import publisher  # first, see there
        from card import CARD, REPO_ID
        from publisher.builders.find import load_module

        builder = load_module("mnist1d").Mnist1D
    except Exception as error:
        code: int = getattr(error, "exit_code", 70)
        words = () if code != 70 else ("cannot start:", type(error).__name__)
        print("push_to_hub.py:", *words, *str(error).split(), file=sys.stderr)
        return code
    return publisher.main(builder, CARD, REPO_ID)


if __name__ == "__main__":
    sys.exit(run())
