"""The builder: what people get from the public doors of `datasets`."""

import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator import Dataset, Parameters, make_dataset
from generator.authors import split_rows
from tests.test_authors import EQUAL_POINTS, PARAMETER_SETS, SHA256, digests

datasets = pytest.importorskip("datasets")

from mnist1d import CITATION, DESCRIPTION, HOMEPAGE, LICENSE, VERSION, Mnist1D, Part, Whole  # noqa: E402
from mnist1d_authors.builder import TABLE_ROWS  # noqa: E402

ROOT = Path(__file__).parents[1]
CONFIGS = list(Mnist1D.builder_configs)
TRAIN_BYTES, TEST_BYTES = 1_328_000, 332_000  # as on the published card: 40 doubles, a label and an offset a row
SMALL: dict[str, Any] = {"num_samples": 100}  # 80 and 20
SCRIPTS_WORK = int(datasets.__version__.partition(".")[0]) < 4
LOAD_SCRIPT = """
import sys, datasets
test = datasets.load_dataset(sys.argv[1], name="shuffled", split="test", trust_remote_code=True, num_samples=200)
print(len(test), test["y"][0])
"""


def prepare(cache: Path, config_name: str | None = None, **overrides: Any) -> Mnist1D:
    builder = Mnist1D(config_name, cache_dir=str(cache), **overrides)
    builder.download_and_prepare()
    return builder


def arrays(builder: Mnist1D, split: str) -> dict[str, Any]:
    """The columns of a prepared split in one go, with their own dtypes."""
    return builder.as_dataset(split=split).with_format("numpy", dtype=None)[:]


def config_parameters(name: str) -> Parameters:
    return Mnist1D.builder_configs[name].parameters


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the tests that only read."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", CONFIGS)
def test_digests(cache: Path, name: str) -> None:
    """Each config, prepared and read back, equals the golden digests, or those of the generator's arrays."""
    builder = prepare(cache, name)
    train, test = arrays(builder, "train"), arrays(builder, "test")
    t = make_dataset(builder.config.parameters).t  # not part of the rows
    found = digests(Dataset(x=train["x"], y=train["y"], x_test=test["x"], y_test=test["y"], t=t))
    golden = [SHA256[known] for known, p in PARAMETER_SETS.items() if Parameters(**p) == config_parameters(name)]
    assert found == (golden[0] if golden else digests(make_dataset(config_parameters(name))))
    assert (train["x"].dtype, train["y"].dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("name", CONFIGS)
def test_configs(name: str) -> None:
    """A config holds the parameters that its name is known for, and no other config does."""
    parameters = Mnist1D(name).config.parameters
    if name in PARAMETER_SETS:
        assert parameters == Parameters(**PARAMETER_SETS[name])
    assert [config.name for config in Mnist1D.BUILDER_CONFIGS if config.parameters == parameters] == [name]


def test_default_config() -> None:
    """Without a name comes the published data."""
    assert Mnist1D().config.name == "default"


def test_slices(cache: Path) -> None:
    """Splits add up and are cut as everywhere in datasets."""
    builder, data = prepare(cache), make_dataset()
    for split, x, y in [
        ("train+test", np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])),
        ("train[:10%]", data.x[:400], data.y[:400]),
        ("test[-5:]", data.x_test[-5:], data.y_test[-5:]),
    ]:
        columns = arrays(builder, split)
        np.testing.assert_array_equal(columns["x"], x)
        np.testing.assert_array_equal(columns["y"], y)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", CONFIGS)
def test_streaming(tmp_path: Path, name: str, split: str) -> None:
    """Rows come one by one without a prepared cache, and nothing is written."""
    stream = Mnist1D(name, cache_dir=str(tmp_path), **SMALL).as_streaming_dataset(split=split)
    rows = list(stream)
    data = make_dataset(replace(config_parameters(name), **SMALL))
    x, y = (data.x, data.y) if split == "train" else (data.x_test, data.y_test)
    assert [row["x"] for row in rows] == x.tolist()
    assert [row["y"] for row in rows] == y.tolist()
    assert not list(tmp_path.rglob("*.arrow"))


def test_streaming_all_splits(tmp_path: Path) -> None:
    """Without a split come both."""
    streams = Mnist1D(cache_dir=str(tmp_path), **SMALL).as_streaming_dataset()
    assert {name: len(list(stream)) for name, stream in streams.items()} == {"train": 80, "test": 20}


def test_info(cache: Path) -> None:
    """The card is made from these features, sizes and texts."""
    info = prepare(cache).info
    assert info.features == datasets.Features(
        {"x": datasets.Sequence(datasets.Value("float64")), "y": datasets.Value("int64")}
    )
    assert {name: (split.num_examples, split.num_bytes) for name, split in info.splits.items()} == {
        "train": (4000, TRAIN_BYTES),
        "test": (1000, TEST_BYTES),
    }
    assert info.dataset_size == TRAIN_BYTES + TEST_BYTES
    assert (info.citation, info.homepage, info.license) == (CITATION, HOMEPAGE, LICENSE)
    assert info.citation.startswith("@inproceedings{greydanus2024scaling")
    assert info.homepage.startswith("https://")
    assert str(info.version) == VERSION
    assert (info.builder_name, info.config_name) == ("mnist1d", "default")


@pytest.mark.parametrize("name", CONFIGS)
def test_description(name: str) -> None:
    """Each config says what it is, after what all have in common."""
    builder = Mnist1D(name)
    assert builder.config.description
    assert builder.info.description == f"{DESCRIPTION}\n\n{builder.config.description}"
    assert len({config.description for config in Mnist1D.BUILDER_CONFIGS}) == len(CONFIGS)


def test_override(tmp_path: Path) -> None:
    """Any parameter can be given, in addition to those that the config sets."""
    builder = prepare(tmp_path, "large-padding", num_samples=50, seed=np.int64(7), train_split=0.5, padding=[80, 120])
    expected = Parameters(
        **{**PARAMETER_SETS["large-padding"], "num_samples": 50, "seed": 7, "train_split": 0.5, "padding": (80, 120)}
    )
    assert builder.config.parameters == expected
    data = make_dataset(expected)
    np.testing.assert_array_equal(arrays(builder, "train")["x"], data.x)
    np.testing.assert_array_equal(arrays(builder, "test")["y"], data.y_test)


def test_parameters_at_once(tmp_path: Path) -> None:
    """All parameters can be given as one, and single ones on top."""
    one = Mnist1D(cache_dir=str(tmp_path), parameters=Parameters(seed=7))
    assert one.config.parameters == Parameters(seed=7)
    two = Mnist1D(cache_dir=str(tmp_path), parameters=Parameters(seed=7), num_samples=100)
    assert two.config.parameters == Parameters(seed=7, num_samples=100)


def test_override_leaves_the_config() -> None:
    """An override stays with its builder."""
    Mnist1D("shuffled", seed=7)
    assert Mnist1D("shuffled").config.parameters == config_parameters("shuffled")


def test_cache_folders(tmp_path: Path) -> None:
    """Different parameters never share a folder."""
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 7},
        {"seed": 8},
        {"num_samples": 7000},
        {"seed": 7, "num_samples": 7000},
        {"padding": (1, 2)},
        {"shuffle_seq": True},
        {"train_split": 0.7},
        {"scale_coeff": 0.75},
        {"shear_scale": 0.4},
    ]
    folders = [Mnist1D(name, cache_dir=str(tmp_path), **changed).cache_dir for name in CONFIGS for changed in changes]
    assert len(set(folders)) == len(folders) - 1  # {"shuffle_seq": True} is what "shuffled" is
    assert all(VERSION in Path(folder).parts for folder in folders)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"seed": None, "padding": None}, {}),
        ({"seed": 42}, {}),
        ({"padding": [36, 60], "train_split": np.float64(0.8)}, {}),
        ({"seed": 7, "num_samples": 100}, {"num_samples": 100, "seed": np.int64(7)}),
        ({"seed": 7, "shuffle_seq": None}, {"seed": 7, "num_samples": 5000}),
        ({"parameters": Parameters(seed=7)}, {"seed": 7}),
        ({"parameters": Parameters()}, {}),
    ],
)
def test_same_folder(tmp_path: Path, one: dict[str, Any], two: dict[str, Any]) -> None:
    """None leaves a parameter alone, and the same values share a folder, however they were given."""
    first, second = (Mnist1D(cache_dir=str(tmp_path), **changed) for changed in (one, two))
    assert first.config.parameters == second.config.parameters
    assert first.cache_dir == second.cache_dir


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("defualt", {}, f"BuilderConfig 'defualt' not found. Available: {re.escape(str(CONFIGS))}"),
        ("defualt", {"seed": 7}, f"BuilderConfig 'defualt' not found. .*'{CONFIGS[-1]}'\\]"),
        (
            None,
            {"sede": 7},
            r"'sede' is not a parameter of MNIST-1D\. Did you mean 'seed'\? Allowed: num_samples, .*, stream\.",
        ),
        (
            "shuffled",
            {"seed": 7, "shufle_seq": True},
            r"'shufle_seq' is not a parameter of MNIST-1D\. Did you mean 'shuffle_seq'\? .*",
        ),
        (None, {"seed": -1}, r"seed=-1 is not allowed: give an integer from 0 to 4294967295"),
        (None, {"num_samples": 9}, r"num_samples=9 is not allowed: give an integer from 10 to 100000000000"),
        (None, {"num_samples": 2**32 + 1}, r"num_samples=4294967297 is .*: give at most 4294967296, or .*"),
        ("large-padding", {"padding": (9, 3)}, r"padding=\(9, 3\) is not allowed: give two integers .*"),
        (None, {"train_split": "80%"}, r"train_split='80%' is not allowed: give a number from 0 to 1"),
        (None, {"parameters": {"seed": 7}}, r"parameters={'seed': 7} is not allowed: give .*Parameters.*"),
    ],
)
def test_refused(name: str | None, changed: dict[str, Any], message: str) -> None:
    """An unknown config, keyword or value is refused in one line with the known ones."""
    with pytest.raises(ValueError, match=f"^{message}$"):  # a dot does not match a line break
        Mnist1D(name, **changed)


@pytest.mark.parametrize("stream", ["authors", "sharded"])
def test_equal_points(tmp_path: Path, stream: str) -> None:
    """Points that are all equal are refused before anything is written, as wrong parameters are."""
    builder = Mnist1D(cache_dir=str(tmp_path), stream=stream, **EQUAL_POINTS)
    with pytest.raises(ValueError, match=r"^all points of all samples are equal: [^\n]*$"):
        builder.download_and_prepare()


@pytest.mark.parametrize(("train_split", "split"), [(0, "test"), (0.004, "test"), (1, "train")])
def test_empty_split(tmp_path: Path, train_split: float, split: str) -> None:
    """A split without rows is left out, prepared or streamed."""
    builder = prepare(tmp_path, **SMALL, train_split=train_split)
    assert {name: len(rows) for name, rows in builder.as_dataset().items()} == {split: 100}
    assert list(builder.info.splits) == [split]
    assert list(builder.as_streaming_dataset()) == [split]


@pytest.mark.parametrize("samples", [1, TABLE_ROWS - 1, TABLE_ROWS, TABLE_ROWS + 1, 2 * TABLE_ROWS])
def test_examples_and_tables(samples: int) -> None:
    """Rows as dicts and rows as tables are the same rows, whole tables or not."""
    builder = Mnist1D()
    x = np.random.default_rng(samples).normal(size=(samples, 3))
    y = np.arange(samples)
    whole = Whole(Parameters())
    whole.data = Dataset(x=x, y=y, x_test=x[:0], y_test=y[:0])  # of a size that no parameters give
    parts = [Part(whole, "train")]
    examples, tables = list(builder._generate_examples(parts)), list(builder._generate_tables(parts))
    assert [key for key, _ in examples] == list(range(samples))
    assert [len(table) for _, table in tables[:-1]] == [TABLE_ROWS] * (len(tables) - 1)
    expected = [{"x": signal, "y": label} for signal, label in zip(x.tolist(), y.tolist(), strict=True)]
    assert [{"x": row["x"].tolist(), "y": int(row["y"])} for _, row in examples] == expected
    assert [row for _, table in tables for row in table.to_pylist()] == expected


def test_drawn_when_rows_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn for a plan or the start of a stream, and once for both splits together."""
    asked: list[Parameters | None] = []

    def counted(parameters: Parameters | None = None) -> Dataset:
        asked.append(parameters)
        return make_dataset(parameters)

    monkeypatch.setattr("generator.make_dataset", counted)
    streams = Mnist1D(cache_dir=str(tmp_path), **SMALL).as_streaming_dataset()
    assert not asked
    assert [len(list(streams[split])) for split in ("test", "train", "test")] == [20, 80, 20]
    assert asked == [Parameters(**SMALL)]
    prepare(tmp_path, **SMALL)
    assert asked == [Parameters(**SMALL)] * 2


STREAM = """
import pickle
from mnist1d import Mnist1D

stream = Mnist1D(num_samples=100, final_seq_length=1000).as_streaming_dataset(split="test")
rows = [row["y"] for row in stream]
pickled = pickle.dumps(stream)
assert len(pickled) < 50_000, len(pickled)
assert [row["y"] for row in pickle.loads(pickled)] == rows
"""


def test_stream_in_another_process() -> None:
    """A pickled stream is small, drawn from or not, and has the same rows."""
    subprocess.run([sys.executable, "-c", STREAM], check=True, cwd=Path(__file__).parents[1])


@pytest.mark.parametrize("samples", [10, 1009, 5000])
@pytest.mark.parametrize("train_split", [0, 0.3, 0.8, 1])
def test_rows_are_known_before(samples: int, train_split: float) -> None:
    """The announced number of rows is the real one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # 1009 gives 1000
        data = make_dataset(p := Parameters(num_samples=samples, train_split=train_split))
    assert [split_rows(p, split) for split in ("train", "test")] == [len(data.x), len(data.x_test)]


def test_several_tables(tmp_path: Path) -> None:
    """A split of more rows than a table holds arrives whole."""
    builder = prepare(tmp_path, num_samples=2 * TABLE_ROWS + 500, train_split=1, final_seq_length=2)
    data = make_dataset(builder.config.parameters)
    columns = arrays(builder, "train")
    np.testing.assert_array_equal(columns["x"], data.x)
    np.testing.assert_array_equal(columns["y"], data.y)


def test_written_twice(tmp_path: Path) -> None:
    """The same parameters write identical bytes."""
    written = []
    for run in ("one", "two"):
        files = sorted(Path(prepare(tmp_path / run, "shuffled", **SMALL).cache_dir).glob("*.arrow"))
        written.append({file.name: file.read_bytes() for file in files})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["mnist1d-test.arrow", "mnist1d-train.arrow"]


def load_script(cwd: Path) -> subprocess.CompletedProcess[str]:
    """`load_dataset` of the script, from another working directory."""
    return subprocess.run(
        [sys.executable, "-c", LOAD_SCRIPT, str(ROOT / "mnist1d.py")],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_HOME": str(cwd / "home"),
            "HF_DATASETS_CACHE": str(cwd / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not SCRIPTS_WORK, reason="datasets 4.0 and later refuse scripts")
def test_load_dataset(tmp_path: Path) -> None:
    """Up to datasets 3.6 the script loads by its path, with a config's name and an override."""
    finished = load_script(tmp_path)
    assert finished.returncode == 0, finished.stderr
    expected = make_dataset(Parameters(shuffle_seq=True, num_samples=200))
    assert finished.stdout.split() == ["40", str(expected.y_test[0])]


@pytest.mark.skipif(SCRIPTS_WORK, reason="datasets before 4.0 run scripts")
def test_load_dataset_refuses(tmp_path: Path) -> None:
    """From datasets 4.0 on scripts are refused, as README.md says."""
    finished = load_script(tmp_path)
    assert finished.returncode != 0
    assert re.search(r"RuntimeError: Dataset scripts are no longer supported", finished.stderr)
