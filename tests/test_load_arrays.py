"""`load_arrays`: the same arrays drawn, from a folder and from the Hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from card import CARD
from generator import make_dataset
from loopback import Hub
from mnist1d import Mnist1D, load_arrays
from publisher import main

R = "tester/mnist1d"


@pytest.mark.parametrize("config", Mnist1D.builder_configs)
@pytest.mark.parametrize("split", ["train", "test", "train+test"])
def test_same_from_everywhere(built: Path, config: str, split: str) -> None:
    """To the bit, with the same types, and free to be written to."""
    data = make_dataset(Mnist1D(config).config.parameters)
    parts = {"train": [(data.x, data.y)], "test": [(data.x_test, data.y_test)]}
    expected = [np.concatenate(arrays) for arrays in zip(*(parts[name][0] for name in split.split("+")), strict=True)]
    for source in (None, built, str(built)):
        for found, wanted in zip(load_arrays(config, split=split, source=source), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
            assert (found.dtype, found.flags.c_contiguous) == (wanted.dtype, True)
            found[:1] += 1


def test_from_the_hub(hub: Hub) -> None:
    """By the name of the repository."""
    assert main(Mnist1D, CARD, R, ["--config", "shuffled"]) == 0
    for found, wanted in zip(load_arrays("shuffled", source=R), load_arrays("shuffled"), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("source", ["build/mnist1d", "mnist1d", "./me/mnist1d", "/nowhere", Path("me", "mnist1d")])
def test_missing_folder(source: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and no request to the Hub, which does not run here."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"^There is no folder {source}. Write it with `python scripts/push_to"):
        load_arrays(source=source)


def test_missing_repository(hub: Hub) -> None:
    """The message names the folder and the repository."""
    with pytest.raises(FileNotFoundError, match=r"^There is no folder me/absent, and no repository of that name"):
        load_arrays(source="me/absent")
