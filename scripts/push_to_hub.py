#!/usr/bin/env python
"""Publish MNIST-1D: `python scripts/push_to_hub.py --help`."""

import sys

from card import CARD, REPO_ID
from mnist1d import Mnist1D
from publisher.command import main

if __name__ == "__main__":
    sys.exit(main(Mnist1D, CARD, REPO_ID))
