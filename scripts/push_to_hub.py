#!/usr/bin/env python
"""Publish MNIST-1D: `python scripts/push_to_hub.py --help`."""

import sys


def run() -> int:
    """Import and run the command; what the libraries do not bear while they are imported is one sentence, too."""
    try:
        import publisher  # first, see there
        from card import CARD, REPO_ID
        from mnist1d import Mnist1D
    except (Exception, KeyboardInterrupt) as error:
        code: int = getattr(error, "exit_code", 70)
        words = () if code != 70 else ("cannot start:", type(error).__name__)
        print("push_to_hub.py:", *words, *str(error).split(), file=sys.stderr)
        return code
    return publisher.main(Mnist1D, CARD, REPO_ID)


if __name__ == "__main__":
    sys.exit(run())
