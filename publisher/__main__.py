"""`python -m publisher SOURCE REPO_ID`, installed as `publish-dataset`."""

import sys
from pathlib import Path

from publisher.cli import start

PROG = "publish-dataset" if Path(sys.argv[0]).stem == "publish-dataset" else "python -m publisher"


def _run() -> int:
    from publisher.cli.commands import publish_dataset

    return publish_dataset(prog=PROG)


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    return start(_run, PROG)


if __name__ == "__main__":  # workers import this file also
    sys.exit(main())
