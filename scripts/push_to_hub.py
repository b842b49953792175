#!/usr/bin/env python
"""Publish MNIST-1D: `python scripts/push_to_hub.py --help`."""

import sys


def run() -> int:
    """Import and run the command; what the libraries do not bear while they are imported is one sentence, too."""
    try:
        from card import CARD, REPO_ID
        from mnist1d import Mnist1D
        from publisher import main
    except (Exception, KeyboardInterrupt) as error:
        print("push_to_hub.py: cannot start:", type(error).__name__, *str(error).split(), file=sys.stderr)
        return 70
    return main(Mnist1D, CARD, REPO_ID)


if __name__ == "__main__":
    sys.exit(run())
