"""`python -m publisher SOURCE REPO_ID`, installed as `publish-dataset`."""

import sys
from importlib import import_module
from pathlib import Path

from publisher.cli import start

PROG = "publish-dataset" if Path(sys.argv[0]).stem == "publish-dataset" else "python -m publisher"


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    return start(lambda: import_module("publisher.cli.commands").publish_dataset(prog=PROG), PROG)


if __name__ == "__main__":  # workers import this file also
    sys.exit(main())
