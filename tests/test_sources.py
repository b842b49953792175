"""What a dataset is made from: sources are fetched once, and what a card shows is listed in one way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import datasets
import pytest

from loopback import Hub
from publisher import Card, main, validate
from tests.test_values import R, builder, card, load, one

__all__ = ["card"]  # a fixture


class Server(ThreadingHTTPServer):
    """Serves one archive, and counts how often it is fetched."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Archive)
        self.fetched = 0
        self.text = "1"
        self.url = f"http://127.0.0.1:{self.server_port}/numbers.zip"


class Archive(BaseHTTPRequestHandler):
    """A text in a ZIP file."""

    server: Server

    def do_HEAD(self) -> None:
        """The headers."""
        self._answer()

    def do_GET(self) -> None:
        """Headers and content."""
        self.server.fetched += 1
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(zipfile.ZipInfo("number.txt"), self.server.text)
        self.send_response(200)
        self.send_header("ETag", f'"{self.server.text}"')
        self.send_header("Content-Length", str(len(content.getvalue())))
        self.end_headers()
        return content.getvalue()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on loopback, which aiohttp reaches without a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    with Server() as served:
        Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


@pytest.mark.skipif(datasets.__version__ < "3", reason="datasets 2 fetches a file again whenever it is asked for")
def test_sources_are_fetched_once(server: Server, card: Card, hub: Hub) -> None:
    """For dry run, publish, publish again and verify; again if the server has another; and are kept nowhere else."""
    extracted: list[Path] = []

    class Fetching(datasets.GeneratorBasedBuilder):
        BUILDER_CONFIGS: ClassVar = [datasets.BuilderConfig(name=name) for name in "ab"]

        def _info(self) -> datasets.DatasetInfo:
            return datasets.DatasetInfo(features=datasets.Features({"x": datasets.Value("string")}))

        def _split_generators(self, manager: Any) -> list[datasets.SplitGenerator]:
            folder = Path(manager.download_and_extract(server.url))
            assert [path for path in extracted if path.exists()] == []  # the disk holds one config at a time
            extracted.append(folder)
            return [datasets.SplitGenerator(name="train", gen_kwargs={"folder": folder})]

        def _generate_examples(self, folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
            yield 0, {"x": self.config.name + (folder / "number.txt").read_text(encoding="utf-8")}

    for arguments in (["--dry-run"], [], [], ["--verify"]):
        assert main(Fetching, card, R, arguments) == 0
        assert server.fetched == 1
    assert load("b")["x"][:] == ["b1"]
    server.text = "2"
    assert main(Fetching, card, R, []) == 0
    assert server.fetched == 2
    assert load("b")["x"][:] == ["b2"]
    assert len(extracted) == 10
    assert [path for path in extracted if path.exists()] == []


def test_pictures(card: Card, hub: Hub, tmp_path: Path) -> None:
    """A folder and the Hub get the same, behind links too, without what systems and editors leave there."""
    kept = {"a.png": b"a", "deep/b.png": b"b", "linked/c.png": b"c", "d.png": b"d"}
    litter = [".DS_Store", "deep/.DS_Store", ".ipynb_checkpoints/a.png", "a.png~", "Thumbs.db", "__MACOSX/._a.png"]
    assets, elsewhere = tmp_path / "assets", tmp_path / "elsewhere"
    for path, content in {**kept, **dict.fromkeys(litter, b"litter")}.items():
        place = elsewhere / Path(path).name if path in ("linked/c.png", "d.png") else assets / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (elsewhere / "d.png").rename(tmp_path / "d.png")
    (assets / "linked").symlink_to(elsewhere, target_is_directory=True)
    (assets / "d.png").symlink_to(tmp_path / "d.png")
    (assets / "gone.png").symlink_to(tmp_path / "nowhere")
    wanted = {f"assets/{path}": content for path, content in kept.items()}
    illustrated = Card(card.template, card.metadata, assets=assets)
    assert main(builder(one), illustrated, R, ["--output-dir", str(tmp_path / "out")]) == 0
    assert main(builder(one), illustrated, R, []) == 0
    out = tmp_path / "out"
    written = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    published = hub.files(R)
    for files in (written, published):
        assert {path: content for path, content in files.items() if path.startswith("assets/")} == wanted
    published.pop(".gitattributes", None)
    assert published == written
    assert validate(R) == validate(out) == []
