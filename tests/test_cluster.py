"""The executors of datatrove: a real Ray, and jobs for Slurm that are really run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Fault, Hub
from publisher import main
from publisher.prepare import parquet
from tests.shards import SHARDS_CARD, Shards

pytest.importorskip("datatrove")

ROOT = Path(__file__).parent.parent
R = "tester/shards"
FEW = ["--set", "shards=3", "--set", "rows=20", "--config", "wide"]  # 4 files
PROGRAM = """
import sys
from pathlib import Path
from publisher.prepare import parquet
from publisher import main
from tests.shards import SHARDS_CARD, Shards
if __name__ == "__main__":
    parquet.FILE_BYTES = 1  # only here, where the files are planned
    sys.exit(main(Shards, SHARDS_CARD, "tester/shards", sys.argv[1:]))
"""
SBATCH = """#!/bin/bash
submission=$SUBMISSIONS/$(ls $SUBMISSIONS | wc -l)
mkdir $submission
cp "${@: -1}" $submission/script
printf '%s\\n' "${@:1:$#-1}" > $submission/arguments
echo Submitted batch job 10${submission##*/}
"""
SRUN = """#!/bin/bash
exec "${@:4}"
"""
SCONTROL = """#!/bin/bash
[ "$1 $2" = "show hostnames" ] && echo "$3"
"""


@dataclass(frozen=True)
class Command:
    """The command in a process of its own."""

    folder: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it, in a group of processes of its own."""
        program = self.folder / "program.py"
        program.write_text(PROGRAM)
        with (self.folder / "said").open("w") as said, (self.folder / "errors").open("w") as errors:
            return subprocess.Popen(
                [sys.executable, program, R, "--work-dir", self.folder / "work", *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=said,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run it: exit code, and the last line that it said, on standard error if it failed."""
        code = self.start(*arguments).wait()
        said = (self.folder / ("errors" if code else "said")).read_text()
        return code, (said.splitlines() or [""])[-1]


@pytest.fixture
def command(hub: Hub, tmp_path: Path) -> Command:
    """The command, talking to the Hub of the test."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return Command(tmp_path, environment)


def few_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the repository should hold, written to a folder without a Hub, for `FEW`."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)
    out = folder / "out"
    assert main(Shards, SHARDS_CARD, R, [*FEW, "--output-dir", str(out)]) == 0
    return tree(out)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def data(hub: Hub) -> dict[str, bytes]:
    """What the repository holds of ours."""
    return {path: content for path, content in hub.files(R).items() if path != ".gitattributes"}


@pytest.mark.slow
@pytest.mark.usefixtures("git_lfs")  # as above
def test_ray(hub: Hub, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ray on this machine, which hides what a task raises: the command tells; then the same bytes as without."""
    pytest.importorskip("ray")
    wanted = few_files(command.folder, monkeypatch)
    arguments = [*FEW, "--executor", "ray", "--workers", "2", "--executor-option", "mem_per_cpu_gb=0.5"]
    hub.fail(method="POST", path="/info/lfs", fault=Fault.status(403), nth=3, times=1000)
    code, said = command.run(*arguments)
    assert (code, "refused with status 403" in said) == (3, True), said
    hub.forget()
    code, said = command.run(*arguments)
    assert (code, "published and verified" in said) == (0, True), said
    assert data(hub) == wanted


@dataclass(frozen=True)
class Slurm:
    """The programs of Slurm, but for the machines: what is submitted is kept, to be run by the test."""

    programs: Path
    submissions: Path

    def submitted(self, number: int) -> tuple[list[str], str]:
        """Arguments and script of a submission."""
        folder = self.submissions / str(number)
        return (folder / "arguments").read_text().split(), (folder / "script").read_text()

    def run(self, number: int, task: int) -> None:
        """Run a task of a submission, as on a machine where nothing is set up but Slurm."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        exported = dict(re.findall(r"(RUN_OFFSET)=([0-9]+)", " ".join(self.submitted(number)[0])))
        slurm = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_NODELIST": "here", "PATH": f"{self.programs}:/usr/bin:/bin"}
        subprocess.run(
            ["bash", self.submissions / str(number) / "script"],
            env={**environment, **exported, **slurm},
            cwd=self.submissions,
            capture_output=True,
            check=True,
        )


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Such programs, on the path."""
    programs, submissions = tmp_path / "programs", tmp_path / "submissions"
    submissions.mkdir()
    programs.mkdir()
    for name, script in (("sbatch", SBATCH), ("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("SUBMISSIONS", str(submissions))
    return Slurm(programs, submissions)


def test_slurm(hub: Hub, slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """Two jobs: one task for each file, and one that commits when all have succeeded. They are run as submitted."""
    options = ["time=01:30:00", "partition=cpu", "mem_per_cpu_gb=3", "qos=", "sbatch_args={'account': 'me'}"]
    wanted = few_files(tmp_path, monkeypatch)
    arguments = [R, *FEW, "--work-dir", str(tmp_path / "work"), "--executor", "slurm", "--workers", "2"]
    arguments += [word for option in options for word in ("--executor-option", option)]
    assert main(Shards, SHARDS_CARD, R, arguments) == 0
    assert "submitted: job 102 commits" in capfd.readouterr().out

    given, script = slurm.submitted(0)
    assert given == ["--export=ALL,RUN_OFFSET=0"]
    for line in ("array=0-3%2", "time=01:30:00", "partition=cpu", "mem-per-cpu=3G", "cpus-per-task=1", "account=me"):
        assert f"#SBATCH --{line}\n" in script
    assert "--qos" not in script
    given, script = slurm.submitted(2)
    assert given == ["--export=ALL,RUN_OFFSET=0", "--dependency=afterok:100"]
    assert "#SBATCH --array=0-0%1\n" in script
    # Each is followed by a job that adds up its statistics
    assert ["afterok:100" in slurm.submitted(1)[1], "afterok:102" in slurm.submitted(3)[1]] == [True, True]

    for task in range(4):
        slurm.run(0, task)
    assert data(hub) == {}
    slurm.run(1, 0)
    slurm.run(2, 0)
    assert data(hub) == wanted


@pytest.mark.usefixtures("git_lfs")
def test_no_token_in_logs(hub: Hub, slurm: Slurm, tmp_path: Path) -> None:
    """A log that all machines see tells why a task failed, but not the token."""
    work = tmp_path / "work"
    options = ["--executor-option", "time=10", "--executor-option", "partition=cpu", "--work-dir", str(work)]
    assert main(Shards, SHARDS_CARD, R, [R, *FEW, "--executor", "slurm", *options]) == 0
    hub.fail(method="POST", path="/info/lfs", fault=Fault.status(403), times=1000)
    with pytest.raises(subprocess.CalledProcessError):
        slurm.run(0, 0)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"Traceback" in content for content in written)
    assert not any(WRITE_TOKEN.encode() in content for content in written)


SLURM_NEEDS = ["--executor", "slurm", "--executor-option", "time=10"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--executor", "ray", "--executor-option", "nodes=2"], "--executor-option nodes is not one of ray: give "),
        (["--executor", "ray", "--executor-option", "tasks=2"], "--executor-option tasks is not one of ray: give "),
        (SLURM_NEEDS, "--executor slurm needs --executor-option partition=VALUE"),
        ([*SLURM_NEEDS, "--executor-option", "partition=cpu"], "--executor slurm needs sbatch, and there is none"),
        (
            [*SLURM_NEEDS, "--executor-option", "partition=cpu", "--executor-option", "mem_per_cpu_gb=much"],
            "--executor-option mem_per_cpu_gb=much is not allowed: give a number, as 2 is",
        ),
    ],
)
def test_wrong_arguments(
    hub: Hub, arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, and nothing is made."""
    assert main(Shards, SHARDS_CARD, R, ["--work-dir", str(tmp_path / "work"), *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"{Path(sys.argv[0]).name}: {sentence}")
    assert not any(record.method == "POST" for record in hub.requests)
    assert not (tmp_path / "work").exists()


def test_sbatch_refuses(hub: Hub, slurm: Slurm, tmp_path: Path, capfd: Any) -> None:
    """What sbatch says is seen, and the last line is the sentence."""
    (slurm.programs / "sbatch").write_text("#!/bin/bash\necho invalid partition specified: cpu >&2\nexit 1\n")
    arguments = [*SLURM_NEEDS, "--executor-option", "partition=cpu", "--work-dir", str(tmp_path / "work")]
    assert main(Shards, SHARDS_CARD, R, arguments) == 2
    said = capfd.readouterr().err
    assert "invalid partition specified: cpu" in said
    assert "sbatch refused the job with exit code 1" in said.splitlines()[-1]


def test_without_datatrove(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to install is said."""
    monkeypatch.delitem(sys.modules, "publisher.scale.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "datatrove.executor.base", None)
    assert main(Shards, SHARDS_CARD, R, ["--executor", "ray"]) == 2
    assert "pip install datatrove" in capsys.readouterr().err
