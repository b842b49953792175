"""Configs: their names, order and default, what they hold, and the sources that they fetch."""

from __future__ import annotations

import datetime
import gc
import io
import json
import logging
import sys
import zipfile
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import Any

import datasets
import numpy as np
import pytest
from werkzeug import Response
from werkzeug.serving import make_server

from loopback import Hub
from publisher import validate
from publisher.builders import find_builder
from publisher.prepare.configs import declared_configs
from tests.builders import INTEGER, VALUE, R, builder, load, one, script
from tests.commands import Run, run_command


class Classic(datasets.BuilderConfig):
    """A plain class, as in most scripts, and an argument without a default."""

    def __init__(self, url: str, **given: Any) -> None:
        """Keep the address."""
        super().__init__(version=datasets.Version("1.0.0"), **given)
        self.url = url
        self.features = INTEGER
        self.since, self.known, self.clean = datetime.date(2024, 1, 1), {"b", "a"}, str.strip
        self.size, self.place, self.grid = np.int64(7), Path("/"), np.eye(2)


def test_classic_configs(run: Run, hub: Hub) -> None:
    """They are published, one by one too, and what they hold is in the record, the same in every process."""
    kind = builder(one, configs=[Classic(f"https://example.org/{name}", name=name) for name in "ab"])
    assert run(kind).exit_code == 0
    before = hub.files(R)
    assert run(kind, "--config", "b").exit_code == 0
    assert hub.files(R) == before
    provenance = json.loads(before[".publish.json"])["configs"]["a"]["provenance"]
    known = [provenance[name] for name in ("url", "since", "known", "clean", "size", "grid")]
    assert known == ["https://example.org/a", "2024-01-01", ["a", "b"], "str.strip", 7, [[1, 0], [0, 1]]]
    assert provenance["features"]["x"]["dtype"] == "int64"


STRANGE = ["x1", "x[1]", "[2m]", "]", "{a,b}", "a b", "é", "it's", ".hidden", "__u", "#1", "%41", "!x"]


def test_strange_names(run: Run, hub: Hub, tmp_path: Path) -> None:
    """Each config serves its own rows, however it is named."""

    def named(config: Any) -> Iterator[dict[str, Any]]:
        yield {"x": config.name}

    features = datasets.Features({"x": VALUE("string")})
    kind = builder(named, features, configs=STRANGE)
    assert run(kind).exit_code == 0
    for name in STRANGE:
        assert load(name)["x"][:] == [name]
    assert run(kind, "--output-dir", tmp_path / "out").exit_code == 0
    assert validate(tmp_path / "out") == validate(R) == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("names", "default", "split", "refused"),
    [
        # `load_dataset` reads the fourth
        *(([name], None, "train", repr(name)) for name in (".", "..", "README.md", ".huggingface.yaml", "NUL.txt")),
        *(([name], None, "train", repr(name)) for name in ("a\n", "$HOME")),
        (["a"], None, "n" * 240, "'nnnnn"),
        (["main", "data"], "main", "train", "'data'"),
        (["main", "default"], "main", "train", "'default'"),
        (["a", "a"], None, "train", "'a'"),
        (["a"], None, "train\n", "'train\\n'"),
        (["a"], None, "all", "'all'"),
        (["a"], None, "tr-ain", "tr-ain"),
    ],
)
def test_names_that_cannot_be(names: list[str], default: str | None, split: str, refused: str, run: Run) -> None:
    """Refused in a sentence that names them, before anything is done."""
    splits: Any = {split: {}}
    kind = builder(one, configs=names, default=default, **splits)
    assert refused in run(kind).refusal()


def test_faults_of_a_builder(run: Run, hub: Hub) -> None:
    """A split without rows, and a config that exits or lacks memory, are named; the Hub is only read."""
    empty = run(builder(lambda config, n: iter([{"x": 1}] * n), train={"n": 1}, test={"n": 0}))
    assert "config 'default', split 'test': The split is empty" in empty.refusal()
    assert "SystemExit: no more" in run(builder(lambda config: iter([{"x": sys.exit("no more")}]))).refusal()
    mute: Any = type("Mute", (Exception,), {"__str__": lambda self: 1 / 0})()
    rows: Any = one(None)
    assert "Mute: Mute" in run(builder(lambda config: rows.throw(mute))).refusal()
    assert "MemoryError" in run(builder(lambda config: iter([{"x": bytes(2**62)}]))).refusal()
    assert {request.method for request in hub.requests} == {"GET"}


class Archive:
    """A web application that serves one ZIP file with a text, and counts how often it is fetched."""

    text, has_etag, fetched, url = "1", True, 0, ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Headers, and the content if it is asked for."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(zipfile.ZipInfo("number.txt"), self.text)
        response = Response(content.getvalue(), status=200 if environ["PATH_INFO"] == "/numbers.zip" else 404)
        if self.has_etag:
            response.set_etag(self.text)
        self.fetched += environ["REQUEST_METHOD"] == "GET"
        return response(environ, start_response)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A server on loopback, which aiohttp reaches without a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints requests otherwise
    archive = Archive()
    with make_server("127.0.0.1", 0, archive, threaded=True) as served:
        archive.url = f"http://127.0.0.1:{served.port}/numbers.zip"
        Thread(target=served.serve_forever, daemon=True).start()
        yield archive
        served.shutdown()


def test_sources_are_fetched_once(server: Archive, run: Run, hub: Hub) -> None:
    """For dry run, publish, publish again and verify; again if the server has another; and are kept nowhere else."""
    extracted: list[Path] = []

    def rows(config: Any, folder: Path) -> Iterator[dict[str, str]]:
        file = folder / "number.txt"
        yield {"x": config.name + file.read_text(encoding="utf-8"), "file": str(file)}

    def split_generators(self: Any, manager: Any) -> list[datasets.SplitGenerator]:
        extracted.append(Path(manager.download_and_extract(server.url)))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"folder": extracted[-1]})]

    features = datasets.Features({"x": VALUE("string"), "file": VALUE("string")})
    kind = builder(rows, features, "ab")
    kind._split_generators = split_generators
    for arguments in (["--dry-run"], [], [], ["--verify"]):
        assert run(kind, *arguments).exit_code == 0
        assert server.fetched == 1
    assert load("b").to_list() == [{"x": "b1", "file": "number.txt"}]
    server.text = "2"
    assert run(kind).exit_code == 0
    assert server.fetched == 2
    assert load("b")["x"][:] == ["b2"]
    server.has_etag = False
    for text in "34":  # fetched again in each run, and once for all configs
        server.text = text
        before = server.fetched
        assert run(kind).exit_code == 0
        assert server.fetched == before + 1
        assert load("b")["x"][:] == [f"b{text}"]
    assert len(set(extracted)) == 7  # once for all configs of a run
    assert [path for path in extracted if path.exists()] == []


class Size(str, Enum):
    """Names of configs, columns and labels, as some scripts have them."""

    small = "small"
    large = "large"


def test_names_that_are_members(run: Run, hub: Hub) -> None:
    """Subclasses of `str` are taken as their text everywhere."""
    features = datasets.Features({np.str_("x"): VALUE("int64"), Size.large: datasets.ClassLabel(names=list(Size))})
    rows = [{"x": 1, Size.large: Size.small}, {np.str_("x"): 2, "large": 1}]
    kind = builder(lambda config: iter(rows), features, (*Size, np.str_("other")), default=Size.large)
    for arguments in ([], ["--verify"], ["--config", "small"]):
        assert run(kind, *arguments).exit_code == 0
    assert "data/train-00000-of-00001.parquet" in hub.files(R)
    found = load("small")
    assert found.to_list() == [{"x": 1, "large": 0}, {"x": 2, "large": 1}]
    assert found.features["large"].names == ["small", "large"]
    assert b"Size" not in b"".join(content for path, content in hub.files(R).items() if not path.endswith("parquet"))


def test_a_default_that_is_no_config(run: Run, hub: Hub) -> None:
    """It is a note, and the first config is the default."""
    kind = builder(one, configs=("wiki", "lab"), default="source")
    for arguments in (["--config", "lab"], []):
        said = run(kind, *arguments).stdout
        assert "DEFAULT_CONFIG_NAME is 'source', which is not a config. The default is 'wiki'" in said
    assert load()["x"][:] == [1]
    assert {"data/train-00000-of-00001.parquet", "lab/train-00000-of-00001.parquet"} < set(hub.files(R))
    assert run(kind, "--verify").exit_code == 0


@pytest.mark.parametrize(
    ("configs", "imports", "expected"),
    [
        ("('b', 'c', 'a')", "TEXT = ''" + 600 * ".strip()", "bca"),
        ("sorted({'b', 'c', 'a'}, key='bca'.index)", "", "bca"),
        ("{'b', 'c', 'a'}", "", "cab"),
        ("NAMES", "NAMES = list(set('bca'))", "cab"),
        ("map(str, NAMES)", "from names import NAMES", "cab"),
    ],
)
def test_the_order_of_configs(configs: str, imports: str, expected: str, tmp_path: Path) -> None:
    """It is the declared one, or by name after the default one where Python may give another in the next process."""
    (tmp_path / "names.py").write_text("from glob import glob\nNAMES = [name for name in {'b', 'c', 'a'}]\n")
    declared = f"BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in {configs}]"
    body, rows = f"{declared}; DEFAULT_CONFIG_NAME = 'c'", "yield from enumerate({'n': n} for n in {1, 2})"
    spoken = script(tmp_path / "spoken.py", head=imports, body=body, rows=rows)
    assert "".join(declared_configs(find_builder(str(spoken)))) == expected


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # connections of scripts that fail
@pytest.mark.parametrize(
    ("splits", "options", "said"),
    [
        ("n = int(open(manager.download_custom('any', lambda _, path: open(path, 'w').write('7'))).read())", [], None),
        ("n = len(self.config.data_files['train'])", ["--set", "data_files=*.csv"], None),
        ("n = self.config.data_files or data_files", [], "Give the files as --set data_files=..."),
        ("raise ValueError('pass the data_dir kwarg to load_dataset')", [], "Give the folder as --data-dir"),
        ("n = manager.download('http://127.0.0.1:9/a.csv')", [], "http://127.0.0.1:9/a.csv"),
        ("import urllib.request; n = urllib.request.urlopen(URL + '/nowhere.zip')", [], "/nowhere.zip"),
    ],
)
def test_sources_of_scripts(splits: str, options: list[str], said: str | None, server: Archive, tmp_path: Path) -> None:
    """They are found as in versions 1 to 3, or the sentence says which is missing, and how to give it."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    url = server.url.rpartition("/")[0]
    body = "BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in 'ab']"
    parts = {"head": f"URL = {url!r}", "body": body, "splits": splits, "given": "{'given': n}"}
    spoken = script(tmp_path / "spoken.py", **parts, rows="yield 0, {'n': given}")
    ended = run_command([spoken, "me/spoken", "--output-dir", tmp_path / "out", *options])
    gc.collect()
    assert ended.exit_code == (2 if said else 0), ended.stderr
    assert (said or "") in ended.stderr
