"""Processes that draw and upload are killed: the same command goes on, and ends with the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopback import WRITE_TOKEN, Hub
from loopback.errors import HubError
from tests.test_scale import COMMIT_FILES, FILE_BYTES, R, ours, uploads

ROOT = Path(__file__).parent.parent
KILLS = 10
OF_ITS_OWN = f"""
import sys
from pathlib import Path
from publisher.prepare import parquet
from publisher.publish import commit as apply
from publisher import main
from tests.shards import SHARDS_CARD, Shards
if __name__ == "__main__":
    parquet.FILE_BYTES = {FILE_BYTES}
    apply.COMMIT_FILES = {COMMIT_FILES}
    sys.exit(main(Shards, SHARDS_CARD, {R!r}, sys.argv[2:]))
"""


def changes(hub: Hub) -> int:
    """How many files, commits and merges there were."""
    return sum(request.method == "PUT" or bool(re.search("/commit/|/merge", request.path)) for request in hub.requests)


def start(hub: Hub, folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own, for a dataset that takes a few seconds."""
    folder.mkdir(exist_ok=True)
    given = [R, "--work-dir", folder / "remembered", "--config", "default", "--set", "shards=60", *arguments]
    with (folder / "said").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-c", OF_ITS_OWN, str(folder), *map(str, given)],
            cwd=ROOT,
            env=hub.environment(WRITE_TOKEN),
            stdout=subprocess.DEVNULL,
            stderr=said,
        )


def children(process: subprocess.Popen[bytes]) -> list[Path]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [Path("/proc", child) for task in tasks for child in task.read_text().split()]


def reached(hub: Hub, process: subprocess.Popen[bytes], count: int) -> bool:
    """Whether a process has come so far, or to its end."""
    return process.poll() is not None or changes(hub) >= count


def gone(processes: list[Path]) -> bool:
    """Whether all have ended."""
    return not any(process.exists() for process in processes)


def wait_for(condition: Callable[..., object], *arguments: object) -> None:
    """Wait, a minute at most."""
    end = time.monotonic() + 60
    while not condition(*arguments):
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as Linux shows them")
def test_worker_killed(hub: Hub, tmp_path: Path) -> None:
    """One sentence, and the same command goes on."""
    process = start(hub, tmp_path, "--workers", "2")
    wait_for(lambda: uploads(hub) > 5)
    worker = next(child for child in children(process) if b"spawn_main" in (child / "cmdline").read_bytes())
    os.kill(int(worker.name), signal.SIGKILL)
    assert process.wait(timeout=60) == 71
    said = (tmp_path / "said").read_text()
    assert said.count("\n") == 1
    assert "a worker was killed" in said
    assert not list(tmp_path.glob("remembered/*/drawing-*"))
    assert ours(hub) == {}
    before = uploads(hub)
    again = start(hub, tmp_path, "--workers", "2")
    assert again.wait() == 0
    files = [path for path in ours(hub) if path.endswith("parquet")]
    assert before > 5
    assert uploads(hub) <= len(files) + 2  # those that the two workers were at


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed(hub: Hub, tmp_path: Path, workers: int) -> None:
    """SIGKILL, or a polite end, at random moments: nothing or all is visible, workers end, and the end is the same."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    hub.create(R)
    assert start(hub, tmp_path).wait() == 0
    wanted, total = ours(hub), uploads(hub)
    for turn in range(KILLS):
        folder = tmp_path / str(turn)
        hub.delete(R)
        hub.forget()
        process = start(hub, folder, "--workers", workers)
        wait_for(reached, hub, process, moments.randrange(total + 10))
        time.sleep(moments.uniform(0, 0.1))
        left = children(process) if process.poll() is None else []
        chosen = moments.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        process.send_signal(chosen)
        process.wait()
        wait_for(gone, left)
        if chosen != signal.SIGKILL:
            assert not list(folder.glob("remembered/*/drawing-*"))
        with contextlib.suppress(HubError):  # there may be no repository yet
            assert ours(hub) in ({}, wanted)
        assert start(hub, folder, "--workers", workers).wait() == 0
        assert ours(hub) == wanted
        assert not list(folder.glob("remembered/*/drawing-*"))
        assert uploads(hub) <= total + workers + 1
        assert "open" not in [pull.status for pull in hub.pulls(R)]
