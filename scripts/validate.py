#!/usr/bin/env python
"""Check a dataset repository: `python scripts/validate.py --help`."""

import sys


def run() -> int:
    """Import and run the command; what the libraries do not bear while they are imported is one sentence, too."""
    try:
        from publisher.command.validate import main
    except (Exception, KeyboardInterrupt) as error:
        code: int = getattr(error, "exit_code", 70)
        words = () if code != 70 else ("cannot start:", type(error).__name__)
        print("validate.py:", *words, *str(error).split(), file=sys.stderr)
        return code
    return main()


if __name__ == "__main__":
    sys.exit(run())
