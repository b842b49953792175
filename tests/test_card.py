"""The dataset card: numbers that are true, YAML that the libraries read, text that is whole."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from datasets import get_dataset_config_info, get_dataset_config_names, load_dataset
from huggingface_hub import DatasetCard

from card import CARD, REPO_ID, SHUFFLED, VERSIONS
from mnist1d import VERSION, Mnist1D, load_arrays
from publisher import main

CONFIGS = list(Mnist1D.builder_configs)


def test_dataset_info_is_exact(built: Path) -> None:
    """Rows, Arrow bytes and download size of each config."""
    card = DatasetCard.load(built / "README.md")
    infos = {info["config_name"]: info for info in card.data["dataset_info"]}
    assert set(infos) == set(CONFIGS)
    for name, info in infos.items():
        arrays = [load_arrays(name, split=split) for split in ("train", "test")]
        num_bytes = [x.nbytes + y.nbytes + 4 * len(y) for x, y in arrays]  # with an offset for each row
        folder = built / ("data" if name == "default" else name)
        assert [split["num_bytes"] for split in info["splits"]] == num_bytes
        assert [split["num_examples"] for split in info["splits"]] == [len(y) for _, y in arrays]
        assert info["dataset_size"] == sum(num_bytes)
        assert info["download_size"] == sum(path.stat().st_size for path in folder.iterdir())
        assert info["features"] == [{"name": "x", "sequence": "float64"}, {"name": "y", "dtype": "int64"}]


def test_metadata(built: Path) -> None:
    """The fields by which people find a dataset, and one default config."""
    data = DatasetCard.load(built / "README.md").data
    assert (data.license, data.pretty_name, data.size_categories) == ("apache-2.0", "MNIST-1D", ["1K<n<10K"])
    assert data.task_categories
    assert data.tags
    assert [config.get("default") for config in data["configs"] if "default" in config] == [True]


def test_libraries_read_it(built: Path) -> None:
    """`datasets` finds the configs and their numbers in the card."""
    assert set(get_dataset_config_names(str(built))) == set(CONFIGS)
    info = get_dataset_config_info(str(built), "large-padding")
    assert info.splits["test"].num_examples == 1000


@pytest.mark.parametrize("name", CONFIGS)
def test_digests_are_those_of_the_loaded_arrays(built: Path, name: str) -> None:
    """A user who follows the card's check finds the card's digests."""
    card = (built / "README.md").read_text(encoding="utf-8")
    for split in ("train", "test"):
        arrays = load_dataset(str(built), name, split=split).with_format("numpy", dtype=None)[:]
        for column in ("x", "y"):
            digest = hashlib.sha256(np.ascontiguousarray(arrays[column]).tobytes()).hexdigest()
            assert f"| `{name}` | {split} | `{column}` | `{digest}` |" in card


def run_card(card: str, source: Path) -> dict[str, object]:
    """Run each block of Python, with a folder in the place of the repository; the names that are left."""
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        code = block.replace(REPO_ID, str(source)).replace('everything.with_format("torch")', "None")
        exec(code.replace("hashlib.sha256(", "digest = hashlib.sha256("), names)
    return names


def test_code_on_the_card_runs(built: Path) -> None:
    """And its check gives a digest of the card."""
    card = (built / "README.md").read_text(encoding="utf-8")
    assert str(run_card(card, built)["digest"]) in card


@pytest.mark.parametrize("names", [*([name] for name in CONFIGS), CONFIGS[:0:-1]])
def test_card_of_some_configs(tmp_path: Path, names: list[str]) -> None:
    """It speaks of these configs alone, and loads."""
    folder = tmp_path / "new"
    chosen = [word for name in names for word in ("--config", name)]
    assert main(Mnist1D, CARD, REPO_ID, ["--output-dir", str(folder), *chosen]) == 0
    card = (folder / "README.md").read_text(encoding="utf-8")
    for name in set(CONFIGS) - set(names):
        assert f"`{name}` |" not in card
        assert f"](assets/samples-{name}.png)" not in card
    for picture in re.findall(r"!\[.+?\]\((.+?)\)", card):
        assert (folder / picture).is_file()
    assert set(get_dataset_config_names(str(folder))) == set(names)
    assert load_dataset(str(folder), names[0], split="test").num_rows == len(load_arrays(names[0], split="test")[1])
    assert str(run_card(card, folder)["digest"]) in card


def test_the_authors_values_of_shuffled() -> None:
    """They are shown for the config that has this name: renamed there, it has to be renamed with them."""
    assert {config.name for config in Mnist1D.BUILDER_CONFIGS if config.parameters.shuffle_seq} <= {SHUFFLED}


def test_versions(built: Path) -> None:
    """The card says what changed with each, the one that is drawn first; configs have no separate version."""
    assert next(iter(VERSIONS)) == VERSION
    card = (built / "README.md").read_text(encoding="utf-8")
    assert "".join(f"- {version}: {words}\n" for version, words in VERSIONS.items()) in card
    assert {str(config.version) for config in Mnist1D.builder_configs.values()} == {VERSION}
