"""`python -m publisher SOURCE REPO_ID`, installed as `publish-dataset`."""

import sys

from publisher.cli.script import main

if __name__ == "__main__":  # workers import this file, too
    sys.exit(main())
