#!/usr/bin/env python
"""Check a dataset repository: `python scripts/validate.py --help`."""

import os
import signal
import sys


def _stop(number: int, frame: object) -> None:
    """End at once: an exception while libraries are imported may be swallowed by them, or come out as another one."""
    os.write(2, b"validate.py: Interrupted. Nothing was changed.\n")
    os._exit(128 + number)


def run() -> int:
    """Import and run the command; what fails while the libraries are imported is one sentence, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        from publisher.cli.validate import main
    except Exception as error:
        code: int = getattr(error, "exit_code", 70)
        words = () if code != 70 else ("cannot start:", type(error).__name__)
        print("validate.py:", *words, *str(error).split(), file=sys.stderr)
        return code
    return main()


if __name__ == "__main__":
    sys.exit(run())
