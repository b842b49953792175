"""The executors of datatrove: a real Ray, and jobs for Slurm that are really run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Fault, Hub
from publisher.prepare import parquet
from tests.commands import Ended, files_in, run_command
from tests.hubs import files_of
from tests.shards import SHARDS_CARD, Shards

pytest.importorskip("datatrove")

ROOT = Path(__file__).parents[2]
R = "tester/shards"
FEW = ["--set", "shards=3", "--set", "rows=20", "--config", "wide"]  # 4 files
PROGRAM = """
import sys
from publisher.prepare import parquet
from publisher import main
from tests.shards import SHARDS_CARD, Shards
if __name__ == "__main__":
    parquet.FILE_BYTES = 1000  # a shard; only here, where the files are planned
    sys.exit(main(Shards, SHARDS_CARD, "tester/shards", sys.argv[1:]))
"""
PROGRAMS = {  # of Slurm, except for the machines: what is submitted is kept, to be run by the test
    "sbatch": """#!/bin/bash
submission=$SUBMISSIONS/$(ls $SUBMISSIONS | wc -l)
mkdir $submission
cp "${@: -1}" $submission/script
printf '%s\\n' "${@:1:$#-1}" > $submission/arguments
echo Submitted batch job 10${submission##*/}
""",
    "srun": '#!/bin/bash\nexec "${@:4}"\n',
    "scontrol": '#!/bin/bash\n[ "$1 $2" = "show hostnames" ] && echo "$3"\n',
}


def command(*arguments: object) -> Ended:
    """The command in this process."""
    return run_command([R, *arguments], (Shards, SHARDS_CARD, R))


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the repository should hold, for `FEW`: a file for each shard."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1000)
    out = tmp_path / "out"
    assert command(*FEW, "--output-dir", out).exit_code == 0
    return files_in(out)


@pytest.mark.slow
@pytest.mark.usefixtures("git_lfs")  # whose requests fail here
def test_ray(hub: Hub, wanted: dict[str, bytes], tmp_path: Path) -> None:
    """A Ray on this machine, which hides what a task raises: the command tells; then the same bytes as without."""
    pytest.importorskip("ray")
    paths = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    given = [*FEW, "--executor", "ray:mem_per_cpu_gb=0.5", "--workers", "2", "--work-dir", tmp_path / "work"]
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(*more: str) -> Ended:
        command = [sys.executable, "program.py", R, *map(str, given), *more]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    hub.fail(method="POST", path="/info/lfs", fault=Fault.status(403), nth=3, times=1000)
    ended = run()
    assert (ended.exit_code, "refused with status 403" in ended.stderr.splitlines()[-1]) == (3, True), ended
    hub.forget()
    ended = run("--resume")
    assert (ended.exit_code, "published and verified" in ended.stdout.splitlines()[-1]) == (0, True), ended
    assert files_of(hub, R) == wanted
    assert not (tmp_path / "work").exists()


@dataclass(frozen=True)
class Slurm:
    """Programs of Slurm, and what was submitted to them."""

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
    for name, script in PROGRAMS.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("SUBMISSIONS", str(submissions))
    return Slurm(programs, submissions)


@pytest.mark.slow
def test_slurm(hub: Hub, slurm: Slurm, tmp_path: Path, wanted: dict[str, bytes], capfd: Any) -> None:
    """Two jobs: one task for each file, and one that commits when all have succeeded. They are run as submitted."""
    keywords = "time=01:30:00,partition=cpu,mem_per_cpu_gb=3,qos=,sbatch_args={'account': 'me', 'nice': 5}"
    ended = command(*FEW, "--work-dir", tmp_path / "work", "--executor", f"slurm:{keywords}", "--workers", "2")
    assert (ended.exit_code, "submitted: job 102 commits" in ended.stdout) == (0, True), ended

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
    assert files_of(hub, R) == {}
    slurm.run(1, 0)
    slurm.run(2, 0)
    assert files_of(hub, R) == wanted


@pytest.mark.slow
@pytest.mark.usefixtures("git_lfs")
def test_no_token_in_logs(hub: Hub, slurm: Slurm, tmp_path: Path) -> None:
    """A log that all machines see tells why a task failed, but not the token."""
    options = ["--executor", "slurm:time=10,partition=cpu"]
    assert command(*FEW, *options, "--work-dir", tmp_path / "work").exit_code == 0
    hub.fail(method="POST", path="/info/lfs", fault=Fault.status(403), times=1000)
    with pytest.raises(subprocess.CalledProcessError):
        slurm.run(0, 0)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"Traceback" in content for content in written)
    assert not any(WRITE_TOKEN.encode() in content for content in written)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--executor", "abacus"], "--executor 'abacus' is not allowed. Give one of slurm, ray"),
        (["--executor", "ray:nodes=2"], "--executor ray: got an unexpected keyword argument 'nodes'. Give "),
        (["--executor", "ray:tasks=2"], "--executor ray: tasks is decided here"),
        (["--executor", "ray", "--set", "shards=1"], "--executor is for builders of tables in shards"),
        (["--executor", "slurm:time=10"], "--executor slurm: missing a required argument: 'partition'"),
        (["--executor", "slurm:time=10,partition=cpu"], "--executor slurm needs sbatch, which is not installed"),
        (["--executor", "ray:mem_per_cpu_gb=much"], "--executor ray: mem_per_cpu_gb=much is not a number such as 2"),
    ],
)
def test_wrong_arguments(hub: Hub, arguments: list[str], sentence: str, tmp_path: Path) -> None:
    """One sentence, and nothing is made."""
    assert f": {sentence}" in command("--work-dir", tmp_path / "work", *arguments).refusal()
    assert not any(record.method == "POST" for record in hub.requests)
    assert not (tmp_path / "work").exists()


def test_sbatch_refuses(hub: Hub, slurm: Slurm, tmp_path: Path, capfd: Any) -> None:
    """What sbatch says is seen, and the last line is the sentence."""
    (slurm.programs / "sbatch").write_text("#!/bin/bash\necho invalid partition specified: cpu >&2\nexit 1\n")
    ended = command("--executor", "slurm:time=10,partition=cpu", "--work-dir", tmp_path / "work")
    assert (ended.exit_code, "sbatch refused the job with exit code 1" in ended.stderr) == (2, True)
    assert "invalid partition specified: cpu" in capfd.readouterr().err


def test_without_datatrove(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    monkeypatch.delitem(sys.modules, "publisher.scale.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "datatrove.executor.base", None)
    assert "pip install datatrove" in command("--executor", "ray").stderr
