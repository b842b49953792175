"""Signals at every request: heard at once, said in one line, nothing half done, and the same command goes on."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from card import CARD
from loopback import WRITE_TOKEN, Hub
from mnist1d import Mnist1D
from publisher import main
from publisher.prepare import parquet
from publisher.publish import commit as apply
from tests.pictures import Changed, Pictures, pictures_card
from tests.shards import SHARDS_CARD, Shards
from tests.test_faults import ROOT, STRIDE, R, State, a_hub, state
from tests.test_scale import COMMIT_FILES, FILE_BYTES

pytest.importorskip("hf_xet", reason="the requests are those of a client with Xet")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEARD = 10.0  # seconds; it takes one, and took 40 to 106 while a token of the storage was fetched
PROGRAM = """
import sys
from pathlib import Path
from card import CARD
from mnist1d import Mnist1D
from publisher import main
from publisher.prepare import parquet
from publisher.publish import commit as apply
from tests.pictures import Changed, Pictures, pictures_card
from tests.shards import SHARDS_CARD, Shards
if __name__ == "__main__":
    parquet.FILE_BYTES, apply.COMMIT_FILES = {file_bytes}, {commit_files}
    folder = Path(sys.argv[1])
    sys.exit(main({builder}, {card}, {repo_id!r}, sys.argv[2:]))
"""
KINDS = {
    "three configs": ("Mnist1D", "CARD"),
    "one changed": ("Changed", "pictures_card(folder)"),
    "parts": ("Shards", "SHARDS_CARD"),
}


@dataclass(frozen=True)
class Scenario:
    """A publish, from the state that it starts in to the one that it is to end in."""

    kind: str
    builder: type[Any]
    card: Any
    arguments: list[str]
    folder: Path
    old: State

    def publish(self) -> int:
        """Run the command in this process."""
        return main(self.builder, self.card, R, self.arguments)

    def start(self, hub: Hub) -> subprocess.Popen[str]:
        """Start it in one of its own, as a shell does: Ctrl-C reaches all processes of a group."""
        builder, card = KINDS[self.kind]
        sizes = {"file_bytes": parquet.FILE_BYTES, "commit_files": apply.COMMIT_FILES}
        program = PROGRAM.format(builder=builder, card=card, repo_id=R, **sizes)
        workers = ["--workers", "2"] if self.kind == "parts" else []
        return subprocess.Popen(
            [sys.executable, "-c", program, str(self.folder), *self.arguments, *workers],
            cwd=ROOT,
            env=hub.environment(WRITE_TOKEN),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what a shell starts with & ignores it
        )


@pytest.fixture(params=KINDS)
def scenario(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """A first publish of three configs, one of a config that has changed, and parts that two workers upload."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    if request.param == "three configs":
        return Scenario(request.param, Mnist1D, CARD, [R], tmp_path, {})
    if request.param == "one changed":
        card = pictures_card(tmp_path)
        with a_hub({}) as hub:
            assert main(Pictures, card, R, []) == 0
            return Scenario(request.param, Changed, card, [R], tmp_path, state(hub))
    monkeypatch.setattr(parquet, "FILE_BYTES", FILE_BYTES)
    monkeypatch.setattr(apply, "COMMIT_FILES", COMMIT_FILES)
    some = [R, "--config", "default", "--set", "shards=8", "--work-dir", str(tmp_path / "work")]
    return Scenario(request.param, Shards, SHARDS_CARD, some, tmp_path, {})


def stopped_at(scenario: Scenario, number: int, chosen: signal.Signals, new: State) -> Iterator[str]:
    """Send a signal while a request is not answered yet, check everything, and give what was said, if it was sent."""
    shutil.rmtree(scenario.folder / "work", ignore_errors=True)
    with a_hub(scenario.old) as hub:
        found: list[tuple[State, float]] = []
        ended = threading.Event()

        def stop() -> None:
            found.append((state(hub), time.monotonic()))
            (os.killpg if chosen == signal.SIGINT else os.kill)(process.pid, chosen)
            ended.wait(HEARD)

        hub.before(None, None, stop, request=number)
        process = scenario.start(hub)
        try:
            printed, said = process.communicate(timeout=120)
        finally:
            process.kill()
            ended.set()
        if not found:
            return  # one request fewer this time
        before, sent = found[0]
        took = time.monotonic() - sent
        assert process.returncode == 128 + chosen, said
        *waits, sentence = said.splitlines()
        assert sentence.endswith("."), said
        assert all("waiting for" in line for line in waits), said  # on a busy machine
        assert WRITE_TOKEN not in printed + said
        request = hub.requests[number - 1]
        if before == new and hub.commits(R)[0].oid in request.path:
            assert f"ublished at commit {hub.commits(R)[0].oid}, but not checked" in sentence
        assert state(hub) in (scenario.old, new)
        if state(hub) == new:
            assert "ublished " in sentence or "is not known" in sentence
        assert scenario.publish() == 0
        assert state(hub) == new
        assert not list(scenario.folder.rglob("drawing-*"))
        yield f"{chosen.name} {took:.1f} s {request.method} {request.path[:90]}: {sentence}"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_interrupted(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, the exit code of the signal, old or new, and a rerun ends in the new state."""
    with a_hub(scenario.old) as hub:
        assert scenario.publish() == 0
        new, count = state(hub), len(hub.requests)
    moments = list(itertools.product(range(1, count + 1), SIGNALS))
    for number, chosen in moments[:: 2 * STRIDE - 1]:  # odd: both signals have their turn
        for line in stopped_at(scenario, number, chosen, new):
            with capsys.disabled():
                print(f"\n{number}/{count} {line}", end="")


@pytest.mark.slow
def test_between_commits_to_a_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are there already, and each is: the last word says how many, or that the last one is not known."""
    monkeypatch.setattr(parquet, "FILE_BYTES", FILE_BYTES)
    monkeypatch.setattr(apply, "COMMIT_FILES", COMMIT_FILES)
    arguments = [R, "--revision=next", "--config=default", "--set=shards=40", f"--work-dir={tmp_path / 'work'}"]
    scenario = Scenario("parts", Shards, SHARDS_CARD, arguments, tmp_path, {})
    known = r"Interrupted\. (\d) of (\d) commits are on next, and the card is in the last; run the command again"
    started: list[subprocess.Popen[str]] = []
    with a_hub({}) as hub:
        hub.create(R)
        for path, nth, words in (("/commit/", 2, "is not known"), ("/preupload/next", 1, known), ("/x", 1, "^$")):
            hub.before("POST", path, lambda: started[-1].send_signal(signal.SIGINT), nth=nth)
            started.append(scenario.start(hub))
            said = started[-1].communicate(timeout=120)[1].strip()
            found = re.search(words, said)
            assert found, said
            if found.lastindex:
                assert found[1] == str(sum("/commit/" in request.path for request in hub.requests))
            assert started[-1].returncode == (130 if said else 0)
            hub.forget()
        assert "README.md" in hub.files(R, "next")
        assert state(hub) == {}


@pytest.mark.slow
@pytest.mark.parametrize("pause", [0.01, 0.3])
def test_twice_while_files_are_read(pause: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In threads of the client, which Python would wait for; the second signal comes while it ends."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    with a_hub({}) as hub:
        assert main(Pictures, pictures_card(tmp_path), R, []) == 0
        hangs, ended = threading.Event(), threading.Event()

        def hang() -> None:
            hangs.set()
            ended.wait(120)

        hub.before(None, "/xet-read-token/", hang)
        process = subprocess.Popen(
            [sys.executable, "scripts/validate.py", R],
            cwd=ROOT,
            env=hub.environment(WRITE_TOKEN),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert hangs.wait(60)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
        *waits, sentence = process.communicate(timeout=HEARD)[1].splitlines()
        ended.set()
        assert process.returncode == 128 + signal.SIGINT
        assert sentence == "validate.py: Interrupted. Nothing was changed."
        assert all("waiting for" in line for line in waits)
