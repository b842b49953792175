"""Signals and kills at any moment: one line, the exit code, nothing half done or left, and the same command again."""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Hub
from tests.commands import run_command
from tests.hubs import empty_hub, files_of, uploads
from tests.pictures import PICTURES_CARD, Pictures
from tests.shards import SHARDS_CARD, Shards

ROOT = Path(__file__).parents[2]
R = "tester/shards"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEARD_S = 10.0  # on a busy machine; it takes 0.1
STRIDE = int(os.environ.get("STRIDE", "7"))  # 1: every moment
PROGRAM = """
import sys
from publisher import main, plan
from publisher.prepare import parquet
from tests.shards import SHARDS_CARD, Shards
if __name__ == "__main__":
    parquet.FILE_BYTES, plan.COMMIT_FILES = 6000, 5
    sys.exit(main(Shards, SHARDS_CARD, "tester/shards", sys.argv[1:]))
"""


def start(hub: Hub, work: Path, *arguments: object, program: tuple[str, ...] = ("-c", PROGRAM)) -> Any:
    """A command in a process group of its own, as a shell starts it: Ctrl-C reaches all processes of a group."""
    work.mkdir(exist_ok=True)
    (work / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        cwd=ROOT,
        env={**hub.environment(WRITE_TOKEN), "TMPDIR": str(work / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what a shell starts with & ignores it
    )


def run(hub: Hub, work: Path, *arguments: object) -> None:
    """A command that ends well."""
    process = start(hub, work, *arguments)
    said = process.communicate(timeout=120)
    assert process.returncode == 0, said


def arguments(work: Path, *more: object, shards: int = 8) -> list[object]:
    """A dataset of a few files in a folder for the run."""
    return [R, "--work-dir", work / "work", "--config", "default", "--set", f"shards={shards}", *more]


def assert_nothing_left(work: Path) -> None:
    """No temporary file, and only what --resume takes up."""
    assert list((work / "tmp").iterdir()) == []
    assert {path.name for path in (work / "work").rglob("*") if path.is_file()} <= {"note.json"}
    assert not list((work / "work").rglob("tmp"))


def wait_for(condition: Callable[[], object]) -> None:
    """Wait, two minutes at most."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def children(process: Any) -> list[Path]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [Path("/proc", child) for task in tasks for child in task.read_text().split()]


def test_while_files_are_written(hub: Hub, tmp_path: Path) -> None:
    """Of a folder, by workers: they end, the earlier folder stays, and nothing is left next to it."""
    work = tmp_path / "run"
    out = work / "out"
    given = arguments(work, "--output-dir", out, "--workers", "2", shards=20_000)
    process = start(hub, work, *given, "--traceback")
    wait_for(lambda: list(work.glob(".out.*/new/data/*")))
    left = children(process)
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=HEARD_S)
    assert (process.returncode, printed) == (130, "")
    assert "Interrupted. Nothing is half done. Run the command again; --resume takes up" in said
    assert ", in prepare" in said  # as --traceback asks
    wait_for(lambda: not any(child.exists() for child in left))
    assert not [path for path in work.iterdir() if path.name not in ("tmp", "work")]
    assert_nothing_left(work)


@pytest.mark.parametrize("program", [("scripts/push_to_hub.py",), ("scripts/validate.py",), ("-m", "publisher")])
@pytest.mark.parametrize("number", SIGNALS)
def test_while_libraries_are_imported(program: tuple[str, ...], number: int, hub: Hub, tmp_path: Path) -> None:
    """One line, and the exit code of the signal."""
    process = start(hub, tmp_path, "--help", program=program)
    imported = "/pyarrow/"  # among the first that is loaded
    wait_for(lambda: process.poll() is not None or imported in Path(f"/proc/{process.pid}/maps").read_text())
    process.send_signal(number)
    _, said = process.communicate(timeout=HEARD_S)
    assert process.returncode == 128 + number
    assert re.fullmatch(r"[\w. -]+: Interrupted\. Nothing was changed\.\n", said)


def test_ignored_signals_stay_ignored(hub: Hub, tmp_path: Path) -> None:
    """As below nohup, or in a background job."""
    ignore = "import signal\nfor name in ('SIGHUP', 'SIGINT'): signal.signal(signal.Signals[name], signal.SIG_IGN)\n"
    process = start(hub, tmp_path, *arguments(tmp_path), program=("-c", ignore + PROGRAM))
    hub.before("POST", "/commit/", lambda: [process.send_signal(number) for number in (signal.SIGHUP, signal.SIGINT)])
    process.communicate(timeout=120)
    assert (process.returncode, "README.md" in hub.files(R)) == (0, True)


def test_publish_leaves_signals_alone(hub: Hub, tmp_path: Path) -> None:
    """A function that is called has no business with them, and a command in this process gives them back."""
    found = [signal.getsignal(number) for number in SIGNALS]
    ended = run_command(["--output-dir", tmp_path / "out", "--config", "wide"], (Shards, SHARDS_CARD, R))
    assert ended.exit_code == 0
    assert [signal.getsignal(number) for number in SIGNALS] == found
    assert signal.set_wakeup_fd(-1) == -1


def stopped_at(number: int, chosen: int, work: Path, wanted: dict[str, bytes], *more: object) -> str:
    """Send a signal while a request is not answered yet, check everything, and give what was said, if it was sent."""
    with empty_hub() as hub:
        found: list[tuple[dict[str, bytes], float]] = []
        ended = threading.Event()

        def stop() -> None:
            found.append((files_of(hub, R), time.monotonic()))
            (os.killpg if chosen == signal.SIGINT else os.kill)(process.pid, chosen)
            ended.wait(HEARD_S)

        hub.before(None, None, stop, request=number)
        process = start(hub, work, *arguments(work, *more))
        printed, said = process.communicate(timeout=120)
        ended.set()
        if not found:
            return "one request fewer this time"
        before, moment = found[0]
        took = time.monotonic() - moment
        assert process.returncode == 128 + chosen, said
        *waits, sentence = said.splitlines()
        assert all("waiting for" in line or line.endswith("so far") for line in waits), said
        assert sentence.endswith("."), said
        assert WRITE_TOKEN not in printed + said
        assert_nothing_left(work)
        request, after = hub.requests[number - 1], files_of(hub, R)
        assert after in ({}, wanted)
        if before == wanted and hub.commits(R)[0].oid in request.path:
            assert f"ublished at commit {hub.commits(R)[0].oid}, but not checked" in sentence
        if after == wanted:
            assert "ublished " in sentence or "is not known" in sentence
        run(hub, work, *arguments(work, *more), "--resume")
        assert files_of(hub, R) == wanted
        assert not (work / "work").exists()
        return f"{signal.Signals(chosen).name} {took:.1f} s {request.method} {request.path[:90]}: {sentence}"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("workers", [1, 2])
def test_at_each_request(workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, the exit code of the signal, old or new, and --resume ends in the new state."""
    more = ["--workers", workers]
    with empty_hub() as hub:
        run(hub, tmp_path, *arguments(tmp_path, *more))
        wanted, count = files_of(hub, R), len(hub.requests)
    moments = list(itertools.product(range(1, count + 1), SIGNALS))
    for number, chosen in moments[:: 2 * STRIDE - 1]:  # odd: both signals have their turn
        line = stopped_at(number, chosen, tmp_path / f"{number}", wanted, *more)
        with capsys.disabled():
            print(f"\n{number}/{count} {line}", end="")


@pytest.mark.slow
def test_between_commits_to_a_branch(hub: Hub, tmp_path: Path) -> None:
    """Some are there already, and each is: the last word says how many, or that the last one is not known."""
    known = r"Interrupted\. (\d) of (\d) commits are on next, and the card is in the last; run the command again"
    hub.create(R)
    for path, nth, words in (("/commit/", 2, "is not known"), ("/preupload/next", 1, known), ("/nothing", 1, "^$")):
        ended = threading.Event()
        hub.before("POST", path, lambda: (process.send_signal(signal.SIGINT), ended.wait(HEARD_S)), nth=nth)  # noqa: B023
        process = start(hub, tmp_path, *arguments(tmp_path, "--revision=next", shards=40))
        said = process.communicate(timeout=120)[1].strip()
        ended.set()
        found = re.search(words, said)
        assert found, said
        if found.lastindex:
            assert found[1] == str(sum("/commit/" in request.path for request in hub.requests))
        assert process.returncode == (130 if said else 0)
        hub.forget()
    assert "README.md" in hub.files(R, "next")


@pytest.mark.slow
def test_twice_while_files_are_read(hub: Hub, tmp_path: Path) -> None:
    """In threads of the client, which Python would wait for; the second signal comes while it ends."""
    assert run_command(["tester/pictures"], (Pictures, PICTURES_CARD, R)).exit_code == 0
    hangs, ended = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        ended.wait(120)

    hub.before(None, "/xet-read-token/", hang)
    process = start(hub, tmp_path / "run", "tester/pictures", program=("scripts/validate.py",))
    assert hangs.wait(60)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
    *_, sentence = process.communicate(timeout=HEARD_S)[1].splitlines()
    ended.set()
    assert (process.returncode, sentence) == (130, "validate.py: Interrupted. Nothing was changed.")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as Linux shows them")
def test_worker_killed(hub: Hub, tmp_path: Path) -> None:
    """One sentence that names --resume, which takes what was uploaded."""
    given = arguments(tmp_path, "--workers", "2", shards=60)
    process = start(hub, tmp_path, *given)
    wait_for(lambda: uploads(hub) > 5)
    worker = next(child for child in children(process) if b"spawn_main" in (child / "cmdline").read_bytes())
    os.kill(int(worker.name), signal.SIGKILL)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.count("\n"), files_of(hub, R)) == (71, 1, {})
    assert "A worker was killed" in said
    assert "--resume" in said
    assert_nothing_left(tmp_path)
    said = start(hub, tmp_path, *given, "--resume").communicate(timeout=120)[1]
    files = [path for path in files_of(hub, R) if path.endswith("parquet")]
    assert int(re.search(rf"resumed: (\d+) of {len(files)} files", said)[1]) > 2  # type: ignore[index]
    assert uploads(hub) <= len(files) + 2  # those that the two workers were at


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed(tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL at random moments: nothing or all is visible, workers end, and the end is the same."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    more = ["--workers", workers]
    with empty_hub() as hub:
        run(hub, tmp_path, *arguments(tmp_path, shards=30))
        wanted, total = files_of(hub, R), len(hub.requests)
    for turn in range(6):
        work = tmp_path / str(turn)
        with empty_hub() as hub:
            process = start(hub, work, *arguments(work, *more, shards=30))
            moment = moments.randrange(total)
            wait_for(lambda: process.poll() is not None or len(hub.requests) >= moment)  # noqa: B023
            left = children(process) if process.poll() is None else []
            process.kill()
            process.communicate()
            wait_for(lambda: not any(child.exists() for child in left))  # noqa: B023
            assert files_of(hub, R) in ({}, wanted)
            run(hub, work, *arguments(work, *more, shards=30), *moments.choice([[], ["--resume"]]))
            assert files_of(hub, R) == wanted
            assert not (work / "work").exists()
            assert "open" not in [pull.status for pull in hub.pulls(R)]
