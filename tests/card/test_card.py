"""Dataset cards, the usual one and those of variants: true numbers, valid YAML, and Python that gives the rows."""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from datasets import get_dataset_config_info, get_dataset_config_names, load_dataset
from huggingface_hub import DatasetCard

from card import CARD, MEANINGS, REPO_ID, SHUFFLED, VERSIONS, variant
from generator import Parameters
from generator.arrays import Floats, Integers
from loopback import Hub
from mnist1d import VERSION, Mnist1D, load_arrays
from publisher import main
from publisher.card import size_category
from publisher.cli.commands import validate
from tests.golden import ROOT
from tests.hubs import files_of

R = "tester/mnist1d"
CONFIGS = list(Mnist1D.builder_configs)
FALSE = ("published file", "![", "measured", "authors' published data", "5,000 samples", "t-SNE", "assets/")
EVERYTHING: dict[str, Any] = {
    **{"stream": "sharded", "num_samples": 1003, "train_split": 0.5, "template_len": 20, "padding": (0, 30)},
    **{"scale_coeff": 0.25, "max_translation": 51, "corr_noise_scale": 1e-05, "iid_noise_scale": 0.5},
    **{"shear_scale": 1.0, "shuffle_seq": True, "final_seq_length": 33, "seed": 4_294_967_295},
}
# Overrides, and the configs that are published
VARIANTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "sharded": ({"stream": "sharded", "num_samples": 1000}, CONFIGS),
    "in parts": ({"stream": "sharded", "num_samples": 250_000, "final_seq_length": 10}, ["default"]),
    "authors": ({"num_samples": 12_000, "seed": 7, "final_seq_length": 60}, CONFIGS),
    "no test": ({"stream": "sharded", "num_samples": 1000, "train_split": 1.0}, ["default"]),
    "no train": ({"num_samples": 1000, "train_split": 0.0}, ["shuffled"]),
    "everything": (EVERYTHING, ["default", "large-padding"]),
}
Made = tuple[Path, dict[str, Any], list[str]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the five seconds that datasets 5 sleeps after a shuffled stream."""
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)


def write(folder: Path, overrides: Mapping[str, Any], names: list[str]) -> Path:
    """Write configs with other parameters by the command; the folder."""
    words = [f"--set={name}={value}" for name, value in overrides.items()] + [f"--config={name}" for name in names]
    assert main(Mnist1D, CARD, REPO_ID, ["--output-dir", str(folder), *words]) == 0
    return folder


def read(folder: Path, name: str, split: str) -> tuple[Floats, Integers]:
    """The rows of the files."""
    rows = load_dataset(str(folder), name, split=split).with_format("numpy", dtype=None)[:]
    return rows["x"], rows["y"]


def settings_of(name: str, **overrides: Any) -> dict[str, Any]:
    """Stream and parameters of a config."""
    config = Mnist1D(name, **overrides).config
    return {"stream": config.stream, **vars(config.parameters)}


def shown(value: object) -> str:
    """A value as the card shows it."""
    return f"{value:,}" if type(value) is int else str(value)


def text_of(folder: Path) -> str:
    """The card."""
    return (folder / "README.md").read_text(encoding="utf-8")


def run_blocks(card: str, source: Path) -> list[dict[str, Any]]:
    """Run the three blocks of Python in order, with a folder as the repository; the names after each."""
    names: dict[str, Any] = {}
    after = []
    for block in re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL):
        code = block.replace(REPO_ID, str(source)).replace('.with_format("torch")', "")
        exec(code.replace("hashlib.sha256(", "digest = hashlib.sha256("), names)
        after.append(dict(names))
    assert len(after) == 3
    return after


def test_metadata(built: Path) -> None:
    """The fields by which people find a dataset, one default config, what `datasets` reads, digests, and versions."""
    data = DatasetCard.load(built / "README.md").data
    assert data.size_categories == ["1K<n<10K"]
    assert data.task_categories
    assert data.tags
    assert [config.get("default") for config in data["configs"] if "default" in config] == [True]
    assert set(get_dataset_config_names(str(built))) == set(CONFIGS)
    assert get_dataset_config_info(str(built), "large-padding").splits["test"].num_examples == 1000
    for name, split in itertools.product(CONFIGS, ("train", "test")):
        for column, array in zip("xy", read(built, name, split), strict=True):
            digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
            assert f"| `{name}` | {split} | `{column}` | `{digest}` |" in text_of(built)
    assert next(iter(VERSIONS)) == VERSION
    assert "".join(f"- {version}: {words}\n" for version, words in VERSIONS.items()) in text_of(built)
    assert {str(config.version) for config in Mnist1D.builder_configs.values()} == {VERSION}
    # The authors' values are shown for the config of this name: renamed there, it has to be renamed with them
    assert {config.name for config in Mnist1D.BUILDER_CONFIGS if config.parameters.shuffle_seq} <= {SHUFFLED}


@pytest.mark.parametrize("names", [*([name] for name in CONFIGS), CONFIGS[:0:-1], CONFIGS])
def test_card_of_some_configs(built: Path, tmp_path: Path, names: list[str]) -> None:
    """It describes these configs alone, and loads; its code runs, and its check gives a digest of the card."""
    folder = built if names == CONFIGS else write(tmp_path / "new", {}, names)
    card = text_of(folder)
    for name in set(CONFIGS) - set(names):
        assert f"`{name}` |" not in card
        assert f"](assets/samples-{name}.png)" not in card
    for picture in re.findall(r"!\[.+?\]\((.+?)\)", card):
        assert (folder / picture).is_file()
    assert set(get_dataset_config_names(str(folder))) == set(names)
    assert load_dataset(str(folder), names[0], split="test").num_rows == len(load_arrays(names[0], split="test")[1])
    assert str(run_blocks(card, folder)[-1]["digest"]) in card


@pytest.fixture(scope="module", params=VARIANTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The folder that the command wrote, the overrides and the configs; to read only."""
    if request.param == "usual":
        return request.getfixturevalue("built"), {}, CONFIGS
    overrides, names = VARIANTS[request.param]
    return write(tmp_path_factory.mktemp("variant") / "folder", overrides, names), overrides, names


def test_says_what_differs(made: Made) -> None:
    """Each setting that is not as usual, and no other; the parameters in the table."""
    folder, overrides, names = made
    card = text_of(folder)
    line = r"^- `(\w+)` is \*\*(.+?)\*\* instead of (.+?)(?: in (`.+`))?(?:: see .+)?$"
    said = set(re.findall(line, card, flags=re.MULTILINE))
    assert len(said) == card.count(" instead of ")
    expected: dict[tuple[str, ...], list[str]] = {}
    for name, (key, value) in itertools.product(names, overrides.items()):
        usual = settings_of(name)[key]
        if value != usual:
            expected.setdefault((key, shown(value), shown(usual)), []).append(f"`{name}`")
    assert said == {(*key, ", ".join(of) if len(of) < len(names) else "") for key, of in expected.items()}
    for key in Parameters.__dataclass_fields__:
        cells = re.findall(rf"^\| `{key}` \| {re.escape(MEANINGS[key])} \| (.+) \|$", card, flags=re.MULTILINE)
        pairs = [(settings_of(name, **overrides)[key], settings_of(name)[key]) for name in names]
        values = [shown(value) if value == usual else f"**{shown(value)}**" for value, usual in pairs]
        assert cells == [" | ".join(values)]


def test_says_nothing_false(made: Made) -> None:
    """Nothing that holds for the usual dataset alone; the stream's own rules; digests only where there are some."""
    folder, overrides, names = made
    card = text_of(folder)
    assert not [claim for claim in FALSE if claim in card]
    assert not (folder / "assets").exists()
    sharded = overrides.get("stream") == "sharded"
    assert ("The stream **sharded** draws" in card) == sharded == ("only approximately" in card)
    assert ("The stream **authors** draws" in card) != sharded != ("num_samples // 10" in card)
    assert ("max_translation` is above" in card) == (overrides.get("max_translation") == 51)
    assert ("SHA-256" in card) == (overrides.get("num_samples") != 250_000)
    for name in names:
        parameters = Mnist1D(name, **overrides).config.parameters
        splits = load_dataset(str(folder), name)
        rows = {split: f"{splits[split].num_rows:,}" if split in splits else "–" for split in ("train", "test")}
        what = f"A digit in a signal of {parameters.signal_length} points"
        what += ", and the points in one random order, the same for all samples" if parameters.shuffle_seq else ""
        assert f"| `{name}` | {rows['train']} | {rows['test']} | {parameters.final_seq_length} | {what} |" in card
        x, y = (np.concatenate(parts) for parts in zip(*(read(folder, name, split) for split in splits), strict=True))
        assert abs(x.mean()) < (0.1 if sharded else 1e-9)
        assert abs(x.std() - 1) < (0.1 if sharded else 1e-9)
        if sharded and len(y) > 100_000:
            assert set(np.bincount(y[:100_000])) == {10_000}
        elif not sharded:
            assert set(np.bincount(y)) == {parameters.num_samples // 10}


def test_code_gives_the_rows(made: Made) -> None:
    """The blocks run: what is loaded, streamed and drawn are the rows of the files, to the bit."""
    folder, overrides, names = made
    default = names[0]
    card = text_of(folder)
    streamed, loaded, drawn = run_blocks(card, folder)
    split = "train" if overrides.get("train_split") != 0 else "test"
    x, y = read(folder, default, split)
    np.testing.assert_array_equal(loaded["x"], x)
    np.testing.assert_array_equal(loaded["y"], y)
    assert f"# float64 {x.shape} and int64 {y.shape}\n" in card
    np.testing.assert_array_equal([row["x"] for row in streamed["few"]], x[:5])
    known = {row.tobytes() for row in x}
    assert all(np.array(row).tobytes() in known for row in streamed["batch"]["x"])
    if overrides.get("stream") == "sharded":
        first = min(len(x), 100_000)
        assert f"# the first {first:,} rows\n" in card
        np.testing.assert_array_equal(drawn["x"], x[:first])
        np.testing.assert_array_equal(drawn["y"], y[:first])
    else:
        data = drawn["data"]
        np.testing.assert_array_equal(data.x if split == "train" else data.x_test, x)
    np.testing.assert_array_equal(next(drawn["drawn"].iter(batch_size=1000))["x"], x[:1000])
    for name in names:
        stream = drawn[name.replace("-", "_")].as_streaming_dataset(split=split)
        np.testing.assert_array_equal(next(stream.iter(batch_size=100))["x"], read(folder, name, split)[0][:100])


@pytest.mark.parametrize("made", [*VARIANTS, "usual"], indirect=True)
def test_numbers(made: Made) -> None:
    """The YAML has the numbers that `datasets` finds, and the checker has nothing to say."""
    folder, overrides, names = made
    data = DatasetCard.load(folder / "README.md").data
    assert (data.license, data.pretty_name) == ("apache-2.0", "MNIST-1D, a variant" if overrides else "MNIST-1D")
    infos = data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]
    rows = {}
    for info in infos:
        name = info.get("config_name", "default")
        splits = load_dataset(str(folder), name)
        rows[name] = sum(splits.num_rows.values())
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == splits.num_rows
        assert info["dataset_size"] == sum(dataset.data.nbytes for dataset in splits.values())
        assert info["features"] == [{"name": "x", "sequence": "float64"}, {"name": "y", "dtype": "int64"}]
        files = (folder / ("data" if name == "default" else name)).iterdir()
        assert info["download_size"] == sum(path.stat().st_size for path in files)
    assert set(rows) == set(names)
    assert data.size_categories == [size_category(max(rows.values()))]
    assert validate([str(folder)]) == 0


def test_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large configs are shown in part."""
    monkeypatch.setattr(variant, "LARGE_BYTES", 1)
    folder = write(tmp_path / "x", {"num_samples": 3000}, ["shuffled"])
    card = text_of(folder)
    assert "# float64 (1000, 40) and int64 (1000,)\n" in card
    assert "hashlib" not in card
    assert len(run_blocks(card, folder)[1]["x"]) == 1000


def test_next_to_usual_configs(hub: Hub) -> None:
    """The card says which config is a variant; when all are as declared again, so is the card."""
    assert main(Mnist1D, CARD, R, []) == 0
    usual = files_of(hub, R)
    options = [R, "--config=shuffled", "--replace-dataset"]
    assert main(Mnist1D, CARD, R, [*options, "--stream=sharded", "--set=num_samples=1000"]) == 0
    card = hub.files(R)["README.md"].decode()
    assert not [claim for claim in FALSE if claim in card]
    assert not [path for path in hub.files(R) if path.startswith("assets")]
    others = ", ".join(f"`{name}`" for name in CONFIGS if name != "shuffled")
    assert "- `num_samples` is **1,000** instead of 5,000 in `shuffled`\n" in card
    assert f"Nothing differs in {others}." in card
    assert "The stream **sharded** (`shuffled`) draws" in card
    assert f"The stream **authors** ({others}) draws" in card
    assert main(Mnist1D, CARD, R, [*options, "--stream=authors", "--set=num_samples=5000"]) == 0
    assert files_of(hub, R) == usual


def test_odd_number_of_samples(tmp_path: Path) -> None:
    """One line for each process at most, without a line of code."""
    few = ["--set=num_samples=1001", "--config=default", "--config=shuffled", "--workers=2"]
    command = [sys.executable, "scripts/push_to_hub.py", "--output-dir", str(tmp_path / "new"), *few]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = {line.partition(" gives")[0] for line in ended.stderr.splitlines() if "prepared" not in line}
    assert told == {"warning: num_samples=1001"}
