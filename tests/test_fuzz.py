"""Command lines and environments at random: one sentence and an exit code, whatever they are."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Hub
from tests.pictures import pictures_card
from tests.publisher.test_faults import ROOT, STRIDE

COMMANDS = 300 // STRIDE
PROGRAMS: dict[str, list[str]] = {  # what runs, and what comes before the repository
    "main": [
        "-c",
        """
import sys
from pathlib import Path
try:
    from publisher import main
    from tests.pictures import Pictures, pictures_card
except Exception as error:  # as scripts/push_to_hub.py
    print(error, file=sys.stderr)
    sys.exit(getattr(error, "exit_code", 70))
sys.exit(main(Pictures, pictures_card(Path("../card")), "tester/pictures", sys.argv[1:]))
""",
    ],
    "mnist1d": [os.fspath(ROOT / "scripts" / "push_to_hub.py")],
    "shards": ["-m", "publisher", "tests.shards:Shards"],
    "script": ["-m", "publisher", os.fspath(ROOT / "tests" / "pictures.py")],
    "validate": [os.fspath(ROOT / "scripts" / "validate.py")],
}
REPOSITORIES = (
    *["tester/pictures"] * 8,
    *("tester/other", "other/pictures", "pictures", "a/b/c", "", "/", "tester/..", "tester/é", f"tester/{'x' * 100}"),
    *("-x/y", "tester/pictures ", "tester//pictures", "https://huggingface.co/datasets/a/b", "a/b@main", "a/b.git"),
    *("tester/pictures\n", "\x1b[31m/x", "datasets/tester/pictures", "a/" + "y" * 5000, "~/x", "."),
)
FLAGS = (
    *("--dry-run", "--verify", "--create-pr", "--private", "--overwrite-card", "--keep-card", "--adopt"),
    *("--replace-dataset", "--rewrite", "--every-byte", "--json", "--help", "--keep-going", "--traceback"),
    "--trust-remote-code",
)
OPTIONS = (
    *("--config", "--config", "--set", "--set", "--output-dir", "--output-dir", "--preview", "--preview", "--revision"),
    *("--tag", "--message", "--workers", "--work-dir", "--executor", "--executor-option", "--nothing", "--data-dir"),
    *("--card", "--rollback", "--stream"),
)
VALUES = (
    *("", "x", "-1", "0", "2", "9" * 20, "main", "next", "refs/pr/1", "a b", "../x", "/", "/proc/x", "é", "\u202e"),
    *("--", "a\nb", "x" * 5000, "v1", "small", "nothing", "slurm", "name=value", "%s", "{}", "\x1b[31m", "/dev/null"),
    *(
        "-",
        "-leading",
        "./-leading",
        "some folder/é",
        "~",
        "~nobody/x",
        ".",
        "..",
        "pipe",
        "pipe/x",
        "denied",
        "denied/x",
    ),
    *("file", "file/x", "link", "x/" * 3000, "\udcff", "new.html", "new", "default", "large,small", "1e3", "٣"),
)
SETTINGS = (
    *("shards=2", "shards=0", "shards=-1", "shards=x", "shards=10**9", "rows=1", "rows=", "=1", "rows==1", "rows"),
    *("name=x", "version=1", "shards=[1, 2]", "shards=None", "shards=1.5", "shards=True", "rows=" + "(" * 500),
    *("rows=" + "9" * 5000, "rows=" + "9" * 30, "é=1", "a b=1", "data_dir=/x", "self=1", "cache_dir=/x", "rows=1e400"),
    *("rows={'a': 1}", "largest=\x00", "template_len=3", "padding=(1, 2)", "padding=x", "num_samples=7", "scale=nan"),
)
BAD_FOLDERS = (
    "",
    "/proc/none",
    "/dev/null",
    "relative",
    "~nobody/x",
    "../denied",
    "../file",
    "../pipe",
    "x" * 300,
    "é\n",
)
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "HF_ENDPOINT": (
        *("", "x", "http://127.0.0.1:1", "http://127.0.0.1:70000", "ftp://x", "http://", "http://[::1", "http://a b"),
        *("http://é.invalid", "http://127.0.0.1:x", "http://x\ny", "//127.0.0.1", "http://127.0.0.1:-1", "http://..x"),
        *("http://127.0.0.1:1/?a=b#c", "http://me:pass@127.0.0.1:1", "http://" + "x" * 300, "\udcff", "http://%"),
    ),
    "HF_HUB_OFFLINE": ("0", "1", "x", "TRUE", ""),
    "HF_DATASETS_OFFLINE": ("1", "x", "yes"),
    "HF_HOME": BAD_FOLDERS,
    "HF_HUB_CACHE": BAD_FOLDERS,
    "HF_DATASETS_CACHE": BAD_FOLDERS,
    "HF_XET_CACHE": BAD_FOLDERS,
    "HF_TOKEN_PATH": BAD_FOLDERS,
    "HOME": BAD_FOLDERS,
    "XDG_CACHE_HOME": BAD_FOLDERS,
    "TMPDIR": (*BAD_FOLDERS, "/none/there", "/proc"),
    "HF_TOKEN": (
        "",
        " ",
        "hf_x\nHost: y",
        "x y",
        "hf_wrong",
        "é",
        "\x1b[31m",
        "x" * 100_000,
        "\udcff",
        " hf_x ",
        "\x7f",
    ),
    "HF_HUB_DOWNLOAD_TIMEOUT": ("x", "-1", "0", "", "1e9", "nan"),
    "HF_HUB_ETAG_TIMEOUT": ("x", "-1", "0", "9" * 20),
    "HF_HUB_ENABLE_HF_TRANSFER": ("1", "x"),
    "HF_HUB_VERBOSITY": ("x", "debug", ""),
    "HF_DATASETS_IN_MEMORY_MAX_SIZE": ("x", "-1"),
    "HF_XET_HIGH_PERFORMANCE": ("1", "x"),
    "HF_XET_NUM_CONCURRENT_RANGE_GETS": ("x", "0", "-1"),
    "DATASETS_VERBOSITY": ("x", "debug"),
    "USE_TORCH": ("x",),
    "http_proxy": ("nonsense", "http://127.0.0.1:1", "http://127.0.0.1:x", "socks5://x"),
    "all_proxy": ("http://127.0.0.1:1", "ftp://x"),
    "SSL_CERT_FILE": ("/none", "/dev/null", "."),
    "no_proxy": ("", "*"),
    "PYTHONIOENCODING": ("ascii",),
    "PYTHONWARNINGS": ("error", "always"),  # of nonsense Python itself says so
    "LC_ALL": ("C", "nonsense"),
    "PYTHONUTF8": ("0",),
    "COLUMNS": ("x", "0", "-1", "9" * 20),
    "TZ": ("nonsense",),
    "OMP_NUM_THREADS": ("x", "0"),
    "SLURM_ARRAY_TASK_ID": ("x",),
    "NO_COLOR": ("1",),
}
CLOSED = ("", *[""] * 12, "<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full")


def arguments(chance: random.Random) -> list[str]:
    """Some, mostly with the repository first."""
    given = [chance.choice(REPOSITORIES)] if chance.random() < 0.8 else []
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        option = chance.choice(OPTIONS)
        value = chance.choice(SETTINGS if option == "--set" and chance.random() < 0.9 else VALUES)
        given += [chance.choice(FLAGS)] if chance.random() < 0.4 else [option, value]
    return [word.replace("\x00", "") for word in given]


def make_room(folder: Path) -> Path:
    """A folder to work in, with things of all kinds that a path may lead to."""
    here = folder / "here"
    for name in ("here/denied", "here/some folder", "denied", "tmp", "card"):
        (folder / name).mkdir(parents=True)
    for place in (here, folder):
        (place / "denied").chmod(0)
        os.mkfifo(place / "pipe")
        (place / "file").write_text("mine")
    (here / "link").symlink_to("link")
    pictures_card(folder / "card")
    return here


def run_one(hub: Hub, folder: Path, chance: random.Random) -> str:
    """Run a command, and check everything; what it was, and how it ended."""
    here = make_room(folder)
    name = chance.choice(list(PROGRAMS))
    given = arguments(chance)
    variable = chance.choice(list(ENVIRONMENTS)) if chance.random() < 0.5 else "COLUMNS"
    changed = {variable: chance.choice(ENVIRONMENTS[variable])}
    closed = chance.choice(CLOSED)
    environment = {**hub.environment(WRITE_TOKEN), "PYTHONPATH": os.fspath(ROOT), "TMPDIR": os.fspath(folder / "tmp")}
    command: list[Any] = [sys.executable, *PROGRAMS[name], *given]
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command] if closed else command,
        cwd=here,
        env={**environment, **changed},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    out, err, code = ended.stdout, ended.stderr, ended.returncode
    *waits, last = err.splitlines() or [""]
    what = f"{name} {given} {changed} {closed}: {code}\n{err}\n{out}"
    assert code in (0, 1, 2, 3), what
    assert bool(last) or code in (0, 1) or "2>" in closed, what
    assert code == 0 or not last or last.endswith((".", "--help")) or ": " in last, what
    is_long = {"--traceback", "--help"} & set(given)  # help goes to standard error if there is no standard output
    assert all("waiting for" in line or "trying again" in line for line in waits) or is_long, what
    assert ("Traceback" in out + err) <= ("--traceback" in given), what
    assert "\x1b" not in out + err, what
    assert WRITE_TOKEN not in out + err, what
    assert not list((folder / "tmp").iterdir()), what
    assert (folder / "file").read_text() == (here / "file").read_text() == "mine", what
    assert stat.S_ISFIFO((here / "pipe").stat().st_mode), what
    assert not [path for path in here.rglob("*") if path.name.startswith(".") and path.name != ".locks"], what
    if "--json" in given and out and "--help" not in given:
        json.loads(out)
    return what


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fuzz(hub: Hub, tmp_path: Path) -> None:
    """The same for the same seed."""
    seed = os.environ.get("FUZZ_SEED", "1")  # another tries others
    chance = random.Random(seed)
    for turn in range(COMMANDS):
        try:
            run_one(hub, tmp_path / str(turn), chance)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, turn {turn}") from error
        shutil.rmtree(tmp_path / str(turn))
