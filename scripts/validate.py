#!/usr/bin/env python
"""Check a dataset repository: `python scripts/validate.py --help`."""

import sys

from publisher.cli import start


def main() -> int:
    """Import and run the command."""
    from publisher.cli.commands import validate

    return validate()


if __name__ == "__main__":
    sys.exit(start(main, "validate.py"))
