"""The dataset card: numbers that are true, YAML that the libraries read, text that is whole."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from datasets import get_dataset_config_info, get_dataset_config_names, load_dataset
from huggingface_hub import DatasetCard, DatasetCardData
from hypothesis import given, settings
from hypothesis import strategies as st

from card import CARD, REPO_ID, SHUFFLED, VERSIONS
from mnist1d import VERSION, Mnist1D, load_arrays
from publisher import main
from publisher.card.metadata import size_category
from publisher.card.record import ConfigRecord, Record, read_card, write_card
from tests.pictures import Pictures, pictures_card

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
    """The card says what changed with each, the one that is drawn first; a config has no version of its own."""
    assert next(iter(VERSIONS)) == VERSION
    card = (built / "README.md").read_text(encoding="utf-8")
    assert "".join(f"- {version}: {words}\n" for version, words in VERSIONS.items()) in card
    assert {str(config.version) for config in Mnist1D.builder_configs.values()} == {VERSION}


def test_another_dataset(tmp_path: Path) -> None:
    """The publisher knows nothing of MNIST-1D."""
    folder = tmp_path / "pictures"
    assert main(Pictures, pictures_card(tmp_path), "me/pictures", ["--output-dir", str(folder)]) == 0
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == [
        "README.md",
        "data/validation-00000-of-00001.parquet",
        "large/validation-00000-of-00001.parquet",
    ]
    assert "- large: 1 split, from me/pictures" in (folder / "README.md").read_text(encoding="utf-8")
    assert load_dataset(str(folder), split="validation").num_rows == 3
    rows = load_dataset(str(folder), "large", split="validation")
    assert rows[2]["boxes"] == [{"name": "box 0", "corners": [0, 2]}, {"name": "box 1", "corners": [1, 2]}]
    assert rows[7]["image"].getpixel((0, 0)) == 7


@pytest.mark.parametrize("slip", ["{{ config.name }}", "{% for config in configs %}"])
def test_slip_in_a_template(tmp_path: Path, slip: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the template gets wrong is a sentence, not a gap in the card, and nothing is written."""
    card = pictures_card(tmp_path)
    card.template.write_text(slip, encoding="utf-8")
    assert main(Pictures, card, "me/pictures", ["--output-dir", str(tmp_path / "new")]) == 2
    assert "pictures.md.jinja cannot be filled in" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("rows", "category"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**12, "n>1T"), (10**9, "1B<n<10B")]
)
def test_size_categories(rows: int, category: str) -> None:
    """The Hub's steps."""
    assert size_category(rows) == category


@settings(max_examples=50)
@given(prose=st.text(), digests=st.dictionaries(st.text(), st.text()))
def test_cards_read_back(prose: str, digests: dict[str, str]) -> None:
    """What is written reads back, any change of the text shows, and no comment ends early."""
    manifest = Record({"a": ConfigRecord({"b": 1}, {"train": digests}, digests)}, digests)
    text = write_card(DatasetCardData(license="mit"), prose, manifest)
    card = read_card(text)
    assert card.manifest is not None
    assert not card.is_edited
    assert (card.prose, card.manifest.configs, card.manifest.assets) == (prose, manifest.configs, digests)
    assert card.metadata == {"license": "mit"}
    assert text[len(text) - text[::-1].index("--!<") :].count("-->") == 1
    assert read_card(text.replace("\n---\n", "\n---\nmore", 1)).is_edited


def test_configs_of_others_are_no_edit(built: Path) -> None:
    """Others may add configs to the YAML; anything else that they change shows."""
    text = (built / "README.md").read_text(encoding="utf-8")
    more = "configs:\n- config_name: theirs\n  data_files: theirs.csv\n"
    assert not read_card(text.replace("configs:\n", more, 1)).is_edited
    for before, after in (
        ("license: apache-2.0", "license: mit"),
        ("num_examples: 4000", "num_examples: 3999"),
        ("path: data/train-*", "path: data/*"),
        ("pretty_name: MNIST-1D\n", ""),
        ("tags:\n", "language: en\ntags:\n"),
        ("Ten digits", "Eleven digits"),
    ):
        assert before in text
        assert read_card(text.replace(before, after, 1)).is_edited


@pytest.mark.parametrize(
    "text",
    ["", "# Title\n", "---\nnot: [closed\n---\n", "---\n- 1\n---\n", "<!-- Written by a program -->\n"],
)
def test_cards_of_others(text: str) -> None:
    """A card without a record, or that cannot be read, is not ours."""
    assert read_card(text).manifest is None
    assert read_card(text).is_edited
