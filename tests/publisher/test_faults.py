"""Whatever goes wrong at whatever moment: the repository is as it was or as wanted, and the command says which."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Fault, Hub
from publisher import plan
from publisher.prepare import parquet
from tests.commands import Ended, Run, run_command
from tests.hubs import empty_hub, files_of
from tests.pictures import PICTURES_CARD, Changed, Pictures
from tests.shards import SHARDS_CARD, Shards

ROOT = Path(__file__).parents[2]
R = "tester/pictures"
FAULTS = (
    *(Fault.REFUSE, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.CUT, Fault.delay(0.05)),
    *(Fault.status(code) for code in (400, 401, 403, 404, 409, 412, 500, 502, 503, 504)),
    Fault.status(429, retry_after=0),
)
STRIDE = int(os.environ.get("FAULT_STRIDE", "41"))  # of so many faults one is tried; FAULT_STRIDE=1: all, for an hour
PROGRAM = """
import sys
from publisher import main
from tests.pictures import PICTURES_CARD, Pictures
sys.exit(main(Pictures, PICTURES_CARD, "tester/pictures", sys.argv[1:]))
"""
State = dict[str, bytes]


@dataclass(frozen=True)
class Scenario:
    """A publish, from the state that it starts in to the one that it is to end in."""

    name: str
    publish: Callable[[], Ended]  # the command
    old: State
    new: State
    requests: list[str]  # of a publish without faults
    work: Path  # where uploads are remembered
    is_slow: bool  # processes are started each time


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)


def a_hub(old: State) -> AbstractContextManager[Hub]:
    """A Hub whose repository is in the old state; none if that is empty."""
    return empty_hub({R: old} if old else {})


@pytest.fixture(params=["first publish", "republish of one config", "parts", "parts by two workers"])
def scenario(request: Any, way: str, first: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Publishes of a new dataset, of one of which one config has changed, and of parts, over Xet and by git-lfs."""
    work, workers = tmp_path / "work", 2 if request.param.endswith("workers") else 1
    old = first if request.param.startswith("republish") else {}
    dataset: Any = (Changed if old else Pictures, PICTURES_CARD, R)
    arguments: list[object] = [R]
    if request.param.startswith("parts"):
        monkeypatch.setattr(parquet, "FILE_BYTES", 6000)  # two shards
        monkeypatch.setattr(plan, "COMMIT_FILES", 2)
        dataset = (Shards, SHARDS_CARD, R)
        arguments += ["--config", "default", "--set", "shards=4", "--work-dir", work, "--workers", workers]
    publish = partial(run_command, arguments, dataset)
    with a_hub(old) as hub:
        assert publish().exit_code == 0
        requests = [f"{record.method} {record.path}" for record in hub.requests]
        return Scenario(f"{request.param}, {way}", publish, old, files_of(hub, R), requests, work, workers > 1)


def outcome(scenario: Scenario, number: int, fault: Fault) -> str:
    """Publish with one fault at one request, check everything, and give one letter for the matrix."""
    shutil.rmtree(scenario.work, ignore_errors=True)
    with a_hub(scenario.old) as hub:
        before = len(hub.commits(R)) if scenario.old else 1
        hub.fail(request=number, fault=fault)
        code, out, err = scenario.publish()
        found = files_of(hub, R)
        if not any(record.faults for record in hub.requests):
            assert (code, found) == (0, scenario.new), err
            return "-"
        hub.forget()
        assert found in (scenario.old, scenario.new)
        if scenario.old or found:
            assert len(hub.commits(R)) - before == (found == scenario.new)
        if code == 0:
            assert "published and verified" in out
        if code in (0, 1) or err.partition(": ")[2].startswith("published"):
            assert found == scenario.new
        elif "not known" not in err:
            assert found == scenario.old
        assert code in (0, 1, 3), err
        assert err.count("\n") == (0 if code in (0, 1) else 1)
        assert WRITE_TOKEN not in out + err

        assert scenario.publish().exit_code == 0
        assert files_of(hub, R) == scenario.new
        assert len(hub.commits(R)) == before + 1
        assert "open" not in [pull.status for pull in hub.pulls(R)]
    return {0: ".", 1: "d"}.get(code, "n" if found == scenario.new else "o")


@pytest.mark.parametrize("scenario", ["republish of one config"], indirect=True)
def test_some_faults(scenario: Scenario) -> None:
    """A sample of the matrix below, with one of the commit."""
    *_, number = (place for place, request in enumerate(scenario.requests, 1) if "/commit/" in request)
    cells = [(number, Fault.DROP_AFTER), *itertools.product(range(1, len(scenario.requests) + 1), FAULTS)]
    for number, fault in cells[::97]:
        outcome(scenario, number, fault)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fault_matrix(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults that are `STRIDE` apart, and more of them at the commit; fewer where processes are started each time."""
    stride = STRIDE * (9 if STRIDE > 1 and scenario.is_slow else 1)
    legend = ". published, d published but differs, n published but not verified, o as it was, - not sent this time"
    rows = [f"{scenario.name}: {legend}", " ".join(f"{fault.code or fault.kind!s:>11}" for fault in FAULTS)]
    for number, request in enumerate(scenario.requests, 1):
        every = stride // 10 | 1 if re.search("/commit/|/merge", request) else stride  # odd: each fault has its turn
        letters = [
            outcome(scenario, number, fault) if cell % every == 0 else ""
            for cell, fault in enumerate(FAULTS, number * len(FAULTS))
        ]
        rows.append(" ".join(f"{letter:>11}" for letter in letters) + f"  {request}")
    with capsys.disabled():
        print("", *rows, sep="\n")


def test_race(first: State, publish: Run) -> None:
    """Two publishers of different configs at the same time: one may have to run again, and both intents survive."""
    with a_hub({}) as hub:
        hub.create(R)
        command, env = [sys.executable, "-c", PROGRAM, "--config"], hub.environment(WRITE_TOKEN)
        both = {name: subprocess.Popen([*command, name], cwd=ROOT, env=env) for name in ("small", "large")}
        codes = {name: process.wait() for name, process in both.items()}
        assert {0} <= set(codes.values()) <= {0, 3}
        for name, code in codes.items():
            if code:
                assert publish("--config", name).exit_code == 0
        assert set(files_of(hub, R)) == set(first)
        assert publish("--verify").exit_code == 0
