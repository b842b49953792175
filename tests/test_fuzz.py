"""Command lines and environments at random: one sentence and an exit code, whatever they are."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from loopback import WRITE_TOKEN, Hub
from tests.pictures import pictures_card
from tests.test_faults import ROOT, STRIDE

COMMANDS = 160 // STRIDE
PROGRAM = """
import sys
from pathlib import Path
try:
    from publisher import main
    from tests.pictures import Pictures, pictures_card
except Exception as error:  # as scripts/push_to_hub.py
    print(error, file=sys.stderr)
    sys.exit(getattr(error, "exit_code", 70))
sys.exit(main(Pictures, pictures_card(Path(sys.argv[1])), "tester/pictures", sys.argv[2:]))
"""
REPOSITORIES = (
    *["tester/pictures"] * 4,
    *("tester/other", "other/pictures", "pictures", "a/b/c", "", "/", "tester/..", "tester/é", f"tester/{'x' * 100}"),
)
FLAGS = (
    *("--dry-run", "--verify", "--create-pr", "--private", "--overwrite-card", "--adopt", "--replace-dataset"),
    *("--rewrite", "--every-byte", "--json", "--help"),
)
OPTIONS = (
    *("--config", "--set", "--output-dir", "--preview", "--revision", "--tag", "--message", "--workers", "--work-dir"),
    *("--executor", "--executor-option", "--nothing"),
)
VALUES = (
    *("", "x", "-1", "0", "2", "9" * 20, "main", "next", "refs/pr/1", "a b", "../x", "/", "/proc/x", "é", "\u202e"),
    *("--", "a\nb", "x" * 5000, "v1", "small", "nothing", "slurm", "name=value", "%s", "{}", "\x1b[31m", "/dev/null"),
)
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "HF_ENDPOINT": ("", "x", "http://127.0.0.1:1", "http://127.0.0.1:70000", "ftp://x", "http://", "http://[::1"),
    "HF_HUB_OFFLINE": ("0", "1", "x"),
    "HF_HOME": ("", "/proc/none", "/dev/null", "relative", "~nobody/x"),
    "HF_XET_CACHE": ("/proc/none", "/dev/null"),
    "TMPDIR": ("", "/none/there", "/dev/null", "/proc"),
    "HF_TOKEN": ("", "hf_x\nHost: y", "x y", "hf_wrong", "é", "\x1b[31m"),
    "HF_HUB_DOWNLOAD_TIMEOUT": ("x", "-1"),
    "HF_HUB_ENABLE_HF_TRANSFER": ("1",),
    "http_proxy": ("nonsense", "http://127.0.0.1:1"),
    "PYTHONIOENCODING": ("ascii",),
}


def arguments(chance: random.Random) -> list[str]:
    """Some, mostly with the repository first."""
    given = [chance.choice(REPOSITORIES)] if chance.random() < 0.7 else []
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        given += [chance.choice(FLAGS)] if chance.random() < 0.5 else [chance.choice(OPTIONS), chance.choice(VALUES)]
    return given


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fuzz(hub: Hub, tmp_path: Path) -> None:
    """The same for the same seed."""
    pictures_card(tmp_path)
    (tmp_path / "here").mkdir()
    seed = os.environ.get("FUZZ_SEED", "1")  # another tries others
    chance = random.Random(seed)
    for turn in range(COMMANDS):
        given = arguments(chance)
        name = chance.choice([*ENVIRONMENTS, *["COLUMNS"] * len(ENVIRONMENTS)])
        changed = {name: chance.choice(ENVIRONMENTS.get(name, ("80",)))}
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), *given],
            cwd=tmp_path / "here",
            env={**hub.environment(WRITE_TOKEN), "PYTHONPATH": os.fspath(ROOT), **changed},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
        out, err, code = ended.stdout, ended.stderr, ended.returncode
        *waits, last = err.splitlines() or [""]
        what = f"seed {seed}, turn {turn}: {given} {changed}: {code}\n{err}\n{out}"
        assert code in (0, 1, 2, 3), what
        assert bool(last) or code in (0, 1), what
        assert all("waiting for" in line or "trying again" in line for line in waits), what
        assert "Traceback" not in out + err, what
        assert "\x1b" not in out + err, what
        assert WRITE_TOKEN not in out + err, what
        if "--json" in given and out and "--help" not in given:
            json.loads(out)
