"""The stand-in Hub under `datasets` in another process, and `python -m loopback`."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from loopback import READ_TOKEN, Hub
from loopback.__main__ import main
from tests.loopback.clients import R, client

ROOT = Path(__file__).parents[2]
LOAD = """
import json, sys
from datasets import load_dataset
repository, revision = sys.argv[1:]
stream = load_dataset(repository, split="train", revision=revision, streaming=True)
rows = {name: split["x"][:] for name, split in load_dataset(repository, revision=revision).items()}
print(json.dumps([rows, [row["x"] for row in stream]]))
"""


def parquet(values: list[int]) -> bytes:
    """Return a Parquet file with one column x."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": values}), buffer)
    return buffer.getvalue()


def run(hub: Hub, script: str, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script as a client that knows nothing but the environment."""
    # pyarrow's threads may abort a process that ends as usual: https://github.com/apache/arrow/issues/45214
    command = [sys.executable, "-c", f"{script}\nimport os; sys.stdout.flush(); os._exit(0)", *arguments]
    return subprocess.run(command, env=hub.environment(token), capture_output=True, text=True)


@pytest.mark.slow
def test_load_dataset(hub: Hub, way: str) -> None:
    """By tag, whole and streamed, of a private repository."""
    client(hub).update_repo_settings(R, private=True, repo_type="dataset")
    hub.commit(R, {"train.parquet": parquet([1, 2]), "test.parquet": parquet([3])})
    client(hub).create_tag(R, tag="v1", repo_type="dataset")
    hub.commit(R, delete=["train.parquet", "test.parquet"])
    hub.forget()
    done = run(hub, LOAD, R, "v1", token=READ_TOKEN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [{"train": [1, 2], "test": [3]}, [1, 2]]
    assert any(r.user_agent.startswith("datasets/") for r in hub.requests)
    assert any("/reconstructions/" in r.path for r in hub.requests) == (way == "xet")
    hub.forget()
    assert "DatasetNotFoundError" in run(hub, LOAD, R, "v1").stderr  # without a token it looks like none
    assert {r.status for r in hub.requests if r.path.startswith("/")} == {401}


def test_other_hosts_are_out_of_reach(hub: Hub) -> None:
    """A client's request to another host ends at the Hub, is refused and recorded."""
    script = """
from huggingface_hub import get_session
print(get_session().get("http://datasets-server.127.0.0.1/info").status_code)
try:
    get_session().get("https://example.com/x")
except Exception as error:
    print(type(error).__name__)
"""
    assert run(hub, script).stdout.split() == ["404", "ProxyError"]
    assert [(r.method, r.path, r.status) for r in hub.requests] == [
        ("GET", "http://datasets-server.127.0.0.1/info", 404),
        ("CONNECT", "example.com:443", 404),
    ]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start `python -m loopback` and yield it with the variables that it says to export."""
    command = [sys.executable, "-m", "loopback", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("The token"):
                    break
            yield process, dict(re.findall("^export (.*?)=(.*)$", said, re.MULTILINE))
        finally:
            process.kill()


def test_command(tmp_path: Path) -> None:
    """It says where it is, serves, prints no token of a request, stops on Ctrl-C; killed, it lost nothing."""
    arguments = ("--port", "0", "--state", str(tmp_path / "state"), "--user", "me")
    files = {"README.md": b"---\nlicense: mit\n---\n# Digits", "train.parquet": parquet([1])}
    with started(*arguments) as (process, exports):
        assert exports["HF_ENDPOINT"].startswith("http://127.0.0.1:")
        assert set(exports) == {"HF_ENDPOINT", "HF_TOKEN", "HF_HOME"}
        api = HfApi(endpoint=exports["HF_ENDPOINT"], token=exports["HF_TOKEN"])
        api.create_repo("me/digits", repo_type="dataset")
        operations = [CommitOperationAdd(path, data) for path, data in files.items()]
        api.create_commit("me/digits", operations, commit_message="add", repo_type="dataset")
        process.kill()
    with started(*arguments) as (process, exports):
        api = HfApi(endpoint=exports["HF_ENDPOINT"], token=exports["HF_TOKEN"])
        api.dataset_info("me/digits")
        address = ("127.0.0.1", int(exports["HF_ENDPOINT"].rpartition(":")[2]))
        with socket.create_connection(address):  # open and silent: it holds up nothing
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            rest = process.stdout.read()
            assert process.wait() == 0
    assert rest.splitlines()[-1] == "Stopped."
    assert "GET /api/datasets/me/digits 200" in rest
    assert exports["HF_TOKEN"] not in rest
    with Hub(tmp_path / "state") as hub:
        assert {path: hub.files("me/digits")[path] for path in files} == files


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x"], "invalid int value: 'x'"),
        (["--port", "70000"], "from 0 to 65535, not 70000."),
        (["--port", "{taken}"], "cannot listen on port {taken}"),
        (["--user", "a/b"], "a name of letters, digits and -_., not 'a/b'."),
        (["--port", "0", "--state", "{file}"], "is a file."),
        (["--port", "0", "--state", "{file}/a"], "cannot write to {file}/a"),
        (["--port", "0", "--state", "{earlier}"], "not the state of a Hub of this version."),
        (["--prot", "1"], "--prot"),
    ],
)
def test_bad_arguments(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 2."""
    (tmp_path / "file").touch()
    (tmp_path / "earlier" / "repositories" / "tester").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"taken": taken.getsockname()[1], "file": tmp_path / "file", "earlier": tmp_path / "earlier"}
        with pytest.raises(SystemExit, match="2"):
            main([word.format(**names) for word in arguments])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as it was before
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), said.format(**names) in err) == ("", 1, True)
