#!/usr/bin/env python
"""Check a dataset repository: `python scripts/validate.py --help`."""

import sys

from publisher.command.validate import main

if __name__ == "__main__":
    sys.exit(main())
