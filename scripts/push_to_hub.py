#!/usr/bin/env python
"""Publish MNIST-1D: `python scripts/push_to_hub.py --help`."""

import sys

from publisher.cli import start


def main() -> int:
    """Import and run the command."""
    from card import CARD, REPO_ID
    from publisher.builders import load_module
    from publisher.cli.commands import main

    return main(load_module("mnist1d").Mnist1D, CARD, REPO_ID)


if __name__ == "__main__":  # workers import this file also
    sys.exit(start(main, "push_to_hub.py"))
