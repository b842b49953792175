"""The card of another dataset of the same kind: what it says is true, and its Python gives the rows of the files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from card import CARD, MEANINGS, REPO_ID, variant
from generator import Parameters
from generator.arrays import Floats, Integers
from loopback import Hub
from mnist1d import Mnist1D
from publisher import main
from publisher.card.compose import size_category
from publisher.cli.commands import validate
from tests.commands import files_in, run_command


def run(*arguments: object) -> int:
    """Exit code of the command for MNIST-1D."""
    return run_command(arguments, (Mnist1D, CARD, REPO_ID)).exit_code


R = "tester/mnist1d"
FALSE = ("published file", "![", "measured", "authors' published data", "5,000 samples", "t-SNE", "assets/")
# Overrides, and the configs that are published
VARIANTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "sharded": ({"stream": "sharded", "num_samples": 1000}, list(Mnist1D.builder_configs)),
    "stream alone": ({"stream": "sharded"}, ["shuffled", "large-padding"]),
    "in parts": ({"stream": "sharded", "num_samples": 250_000, "final_seq_length": 10}, ["default"]),
    "authors": ({"num_samples": 12_000, "seed": 7, "final_seq_length": 60}, list(Mnist1D.builder_configs)),
    "no test": ({"stream": "sharded", "num_samples": 1000, "train_split": 1.0}, ["default"]),
    "no train": ({"num_samples": 1000, "train_split": 0.0}, ["shuffled"]),
    "everything": (
        {
            "stream": "sharded",
            "num_samples": 1003,
            "train_split": 0.5,
            "template_len": 20,
            "padding": (0, 30),
            "scale_coeff": 0.25,
            "max_translation": 51,
            "corr_noise_scale": 1e-05,
            "iid_noise_scale": 0.5,
            "shear_scale": 1.0,
            "shuffle_seq": True,
            "final_seq_length": 33,
            "seed": 4_294_967_295,
        },
        ["default", "large-padding"],
    ),
}


Made = tuple[Path, dict[str, Any], list[str]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a shuffled stream, datasets 5 sleeps five seconds."""
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)


def arguments(overrides: Mapping[str, Any], names: list[str]) -> list[str]:
    """Arguments of the command."""
    settings = [f"--set={name}={value}" for name, value in overrides.items() if name != "stream"]
    stream = [f"--stream={overrides['stream']}"] if "stream" in overrides else []
    return [*stream, *settings, *(f"--config={name}" for name in names)]


def read(folder: Path, name: str, split: str) -> tuple[Floats, Integers]:
    """The rows of the files."""
    rows = load_dataset(str(folder), name, split=split).with_format("numpy", dtype=None)[:]
    return rows["x"], rows["y"]


def run_blocks(card: str, source: Path) -> list[dict[str, Any]]:
    """Run the blocks of Python one after another, with a folder as the repository; the names after each."""
    names: dict[str, Any] = {}
    after = []
    for block in re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL):
        code = block.replace(REPO_ID, str(source)).replace('.with_format("torch")', "")
        exec(code, names)
        after.append(dict(names))
    return after


@pytest.fixture(scope="module", params=VARIANTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The folder that the command wrote, the overrides and the configs; to read only."""
    overrides, names = VARIANTS[request.param]
    folder = tmp_path_factory.mktemp("variant") / "folder"
    assert run("--output-dir", folder, *arguments(overrides, names)) == 0
    return folder, overrides, names


def text_of(folder: Path) -> str:
    """The card without its record."""
    return (folder / "README.md").read_text(encoding="utf-8").split("<!--")[0]


def test_says_what_differs(made: Made) -> None:
    """Each setting that is not as usual, and no other; the parameters in the table."""
    folder, overrides, names = made
    card = text_of(folder)
    said = set(
        re.findall(r"^- `(\w+)` is \*\*(.+?)\*\* instead of (.+?)(?: in (`.+`))?(?:: see .+)?$", card, flags=re.M)
    )
    assert len(said) == card.count(" instead of ")
    expected: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        declared = Mnist1D.builder_configs[name]
        for key, value in overrides.items():
            usual = declared.stream if key == "stream" else getattr(declared.parameters, key)
            if value != usual:
                texts = [f"{item:,}" if type(item) is int else str(item) for item in (value, usual)]
                expected.setdefault((key, *texts), []).append(f"`{name}`")
    assert said == {(*key, ", ".join(of) if len(of) < len(names) else "") for key, of in expected.items()}
    for key in Parameters.__dataclass_fields__:
        cells = re.findall(rf"^\| `{key}` \| {re.escape(MEANINGS[key])} \| (.+) \|$", card, flags=re.M)
        values = [getattr(Mnist1D(name, **overrides).config.parameters, key) for name in names]
        texts = [f"{value:,}" if type(value) is int else str(value) for value in values]
        usual = [getattr(Mnist1D.builder_configs[name].parameters, key) for name in names]
        bold = [
            text if value == as_usual else f"**{text}**"
            for text, value, as_usual in zip(texts, values, usual, strict=True)
        ]
        assert cells == [" | ".join(bold)]


def test_says_nothing_false(made: Made) -> None:
    """Nothing that holds for the usual dataset alone; the stream's own rules; digests only where there are some."""
    folder, overrides, names = made
    card = text_of(folder)
    assert not [claim for claim in FALSE if claim in card]
    assert not (folder / "assets").exists()
    sharded = overrides.get("stream") == "sharded"
    assert ("The stream **sharded** draws" in card) == sharded == ("only approximately" in card)
    assert ("The stream **authors** draws" in card) == (not sharded) == ("num_samples // 10" in card)
    assert ("max_translation` is above" in card) == (overrides.get("max_translation") == 51)
    assert ("SHA-256" in card) == (overrides.get("num_samples") != 250_000)
    for name in names:
        parameters = Mnist1D(name, **overrides).config.parameters
        splits = load_dataset(str(folder), name)
        rows = {split: f"{splits[split].num_rows:,}" if split in splits else "–" for split in ("train", "test")}
        what = f"A digit in a signal of {parameters.signal_length} points"
        what += ", and the points in one random order, the same for all samples" if parameters.shuffle_seq else ""
        line = f"| `{name}` | {rows['train']} | {rows['test']} | {parameters.final_seq_length} | {what} |"
        assert line in card
        x = np.concatenate([read(folder, name, split)[0] for split in splits])
        assert abs(x.mean()) < (0.1 if sharded else 1e-9)
        assert abs(x.std() - 1) < (0.1 if sharded else 1e-9)
        y = np.concatenate([read(folder, name, split)[1] for split in splits])
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


def test_metadata(made: Made) -> None:
    """The YAML has the numbers that `datasets` finds, and the checker has nothing to say."""
    folder, _, names = made
    data = DatasetCard.load(folder / "README.md").data
    assert (data.license, data.pretty_name) == ("apache-2.0", "MNIST-1D, a variant")
    infos = data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]
    rows = {}
    for info in infos:
        name = info.get("config_name", "default")
        splits = load_dataset(str(folder), name)
        rows[name] = sum(splits.num_rows.values())
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == splits.num_rows
        assert info["dataset_size"] == sum(dataset.data.nbytes for dataset in splits.values())
        files = (folder / ("data" if name == "default" else name)).iterdir()
        assert info["download_size"] == sum(path.stat().st_size for path in files)
    assert set(rows) == set(names)
    assert data.size_categories == [size_category(max(rows.values()))]
    assert validate([str(folder)]) == 0


def test_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large configs are shown in part."""
    monkeypatch.setattr(variant, "LARGE_BYTES", 1)
    folder = tmp_path / "x"
    assert run("--output-dir", folder, "--set=num_samples=3000", "--config=shuffled") == 0
    card = text_of(folder)
    assert "# float64 (1000, 40) and int64 (1000,)\n" in card
    assert "hashlib" not in card
    assert len(run_blocks(card, folder)[1]["x"]) == 1000


def test_as_declared(built: Path, tmp_path: Path) -> None:
    """Overrides that change nothing give the usual card."""
    declared = [vars(config.parameters) for config in Mnist1D.builder_configs.values()]
    name, value = next(item for item in declared[0].items() if all(item in one.items() for one in declared))
    assert run("--output-dir", tmp_path / "x", "--stream=authors", f"--set={name}={value}") == 0
    assert files_in(tmp_path / "x") == files_in(built)


def test_beside_an_earlier_variant(hub: Hub, built: Path) -> None:
    """Where a variant stays next to a usual config, the card says which is which; and all is usual when all are."""
    assert main(Mnist1D, CARD, R, [R, *arguments({"num_samples": 1000, "train_split": 1.0}, ["default"])]) == 0
    assert main(Mnist1D, CARD, R, [R, "--config=shuffled"]) == 0
    card = hub.files(R)["README.md"].decode()
    assert "- `num_samples` is **1,000** instead of 5,000 in `default`\n" in card
    assert "Nothing differs in `shuffled`." in card
    assert not [claim for claim in FALSE if claim in card]
    assert not [path for path in hub.files(R) if path.startswith("assets")]
    assert main(Mnist1D, CARD, R, [R, "--config=default"]) == 1
    assert main(Mnist1D, CARD, R, [R, "--config=default", "--replace-dataset"]) == 0
    rest = [name for name in Mnist1D.builder_configs if name not in ("default", "shuffled")]
    assert main(Mnist1D, CARD, R, [R, *(f"--config={name}" for name in rest)]) == 0
    files = {path: content for path, content in hub.files(R).items() if path != ".gitattributes"}
    usual = files_in(built)
    assert set(files) == set(usual)
    assert files["README.md"].decode().split("<!--")[0] == text_of(built).replace(REPO_ID, R).replace(
        f"{R}-explorer", f"{REPO_ID}-explorer"
    )
    variant = [R, "--config=shuffled", "--stream=sharded", "--set=num_samples=1000"]
    assert main(Mnist1D, CARD, R, [*variant, "--replace-dataset"]) == 0
    card = hub.files(R)["README.md"].decode()
    others = ", ".join(f"`{name}`" for name in ("default", *rest))
    assert f"Nothing differs in {others}." in card
    assert "The stream **sharded** (`shuffled`) draws" in card
    assert f"The stream **authors** ({others}) draws" in card
    assert not [path for path in hub.files(R) if path.startswith("assets")]
    assert main(Mnist1D, CARD, R, [R, "--verify", "--config=default"]) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_odd_number_of_samples(workers: str, tmp_path: Path) -> None:
    """One line for each process at most, without a line of code."""
    few = ["--config", "default", "--config", "shuffled", "--set", "num_samples=1001", "--workers", workers]
    ended = subprocess.run(
        [sys.executable, "scripts/push_to_hub.py", "--output-dir", tmp_path / "new", *few],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    told = {line.partition(" gives")[0] for line in ended.stderr.splitlines() if "prepared" not in line}
    assert told == {"warning: num_samples=1001"}
