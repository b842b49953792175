"""A job on the executors of datatrove (https://github.com/huggingface/datatrove): Slurm and Ray."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ["LOGURU_DIAGNOSE"] = "NO"  # else datatrove's log of a failure shows the values of variables, tokens also

from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep

import publisher.builders  # noqa: F401  # tasks find a script again with what this installs
from publisher import errors
from publisher.errors import DifferenceError, PublishingError, UsageError, WorkerError
from publisher.options import read_settings
from publisher.publish import Outcome, Show
from publisher.scale import Job, begin, finish
from publisher.scale.notes import CLUSTER
from publisher.scale.workers import notes as log

EXECUTORS = ("slurm", "ray")
COMMA = re.compile(r",(?=[A-Za-z_]\w*=)")  # between keywords; others belong to a value
# Keywords of the executors that are decided here: which tasks there are, and which of them are done
OURS = {
    *("self", "pipeline", "tasks", "workers", "logging_dir", "skip_completed", "depends", "depends_job_id"),
    *("local_tasks", "local_rank_offset", "nodes_per_task"),
}
ENVIRONMENT = ("env_command", "condaenv", "venv_path")  # how a script of Slurm finds the programs


class ClusterTask(PipelineStep):
    """A step that notes why it failed, because an executor may hide what a task raises."""

    type = "Parts"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder  # executors copy a step many times, and the job is large: it is next to this folder

    def run(self, data: object = None, rank: int = 0, world_size: int = 1) -> None:
        """Do the work of one task."""
        try:
            with (self.folder.parent / "job.pickle").open("rb") as file:
                self.work(pickle.load(file), rank)
        except PublishingError as error:
            note = self.error_note(rank)
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(json.dumps({"error": type(error).__name__, "sentence": str(error)}), encoding="utf-8")
            raise

    def error_note(self, rank: int) -> Path:
        """Path of the note on why a task failed."""
        return self.folder / "errors" / f"{rank:05d}.json"

    @abstractmethod
    def work(self, job: Job, rank: int) -> None:
        """Work on the part of a rank, or on all of them."""


class UploadPart(ClusterTask):
    """Each task prepares and uploads one part."""

    name = "Prepare and upload"

    def work(self, job: Job, rank: int) -> None:
        """Prepare a part and upload it, unless that is done."""
        part = job.parts[rank]
        with self.track_time("part"):
            if job.notes.find(part) is None:
                job.notes.prepare(part)
        self.stat_update("rows", value=part.amount, unit="part")


class CommitParts(ClusterTask):
    """The last task commits all parts."""

    name = "Commit"

    def work(self, job: Job, rank: int) -> None:
        """Upload what is missing, and commit."""
        outcome = finish(job, begin(job)[0], lambda outcome: None)
        if outcome.differences:
            raise DifferenceError("; ".join(outcome.differences))


def submit(job: Job) -> str:
    """Submit a job to Slurm, do not wait, and return the number of the Slurm job that commits."""
    make, keywords = _executor(job)
    if not shutil.which("sbatch"):
        raise UsageError(
            "--executor slurm needs sbatch, which is not installed. Run it where Slurm jobs are submitted."
        )
    if "SLURM_ARRAY_TASK_ID" in os.environ:
        raise UsageError("--executor slurm submits jobs, and this is a task of one. Run it where jobs are submitted.")
    if not any(keywords.get(name) for name in ENVIRONMENT):  # programs and modules of this process for the tasks
        path = shlex.quote(str(Path(sys.executable).parent))
        keywords["env_command"] = f"export PATH={path}:$PATH PYTHONPATH={shlex.quote(_modules())}"
    begin(job)
    first = _stage(job, make, keywords)
    commit = CommitParts(first.pipeline[0].folder.with_name("commit"))
    last = make([commit], tasks=1, workers=1, logging_dir=str(commit.folder), **keywords)
    last.depends = first
    try:
        last.run()
    except subprocess.CalledProcessError as error:
        raise UsageError(f"sbatch refused the job with exit code {error.returncode}. See its message above.") from error
    return str(last.job_id)


def publish_on_ray(job: Job, show: Show) -> Outcome:
    """Prepare and upload all parts of a job on a Ray cluster, then commit from here.

    The error of a failed task is raised as it is, or a WorkerError if only its log tells the reason.
    """
    make, keywords = _executor(job)
    _connect_ray(keywords)
    found, _ = begin(job, show)
    stage = _stage(job, make, keywords)
    stage.run()
    failed = stage.get_incomplete_ranks()  # Ray's executor does not report them
    for rank in failed:
        note = stage.pipeline[0].error_note(rank)
        if note.exists():
            said = json.loads(note.read_text(encoding="utf-8"))
            raise getattr(errors, said["error"])(said["sentence"])
    if failed:
        logs = stage.pipeline[0].folder / "logs"
        raise WorkerError(
            f"{len(failed)} of {stage.world_size} tasks failed or were killed, see {logs}. Run the command again with "
            "--resume."
        )
    outcome = finish(job, found, show)
    shutil.rmtree(stage.pipeline[0].folder.parent, ignore_errors=True)
    return outcome


def _executor(job: Job) -> tuple[Any, dict[str, Any]]:
    """The executor's class, and its checked keywords."""
    name, _, rest = job.options.executor.partition(":")
    if name not in EXECUTORS:
        raise UsageError(f"--executor {name!r} is not allowed. Give one of {', '.join(EXECUTORS)}.")
    keywords = read_settings(f"--executor {name}: keyword", COMMA.split(rest) if rest else [])
    make = getattr(import_module(f"datatrove.executor.{name}"), f"{name.capitalize()}PipelineExecutor")
    ours = OURS | ({"tasks_per_job"} if name == "ray" else set())  # there they are processes side by side
    known = {key: keyword for key, keyword in inspect.signature(make.__init__).parameters.items() if key not in ours}
    for key, value in keywords.items():
        if key not in known:
            raise UsageError(f"--executor {name} has no keyword {key}. Give {', '.join(known)}.")
        default = known[key].default
        if key.endswith("_args") and not isinstance(value, Mapping):
            raise UsageError(f"--executor {name}: {key}={value} is not allowed. Give a dictionary.")
        if isinstance(default, float | int) and not isinstance(value, float | int):
            raise UsageError(f"--executor {name}: {key}={value} is not allowed. Give a number, such as {default}.")
    if missing := [key for key, word in known.items() if word.default is word.empty and key not in keywords]:
        example = ",".join(f"{key}=VALUE" for key in missing)
        raise UsageError(f"--executor {name} needs {' and '.join(missing)}. Give --executor {name}:{example}.")
    return make, keywords


def _stage(job: Job, make: Any, keywords: Mapping[str, Any]) -> PipelineExecutor:
    """The stage that uploads; in a new folder, so that datatrove runs all of its tasks."""
    for value in (job.builder, job.card):
        if type(value).__module__ == "__main__" or getattr(value, "__module__", "") == "__main__":
            raise _unnamed(value)
    folder = job.notes.folder / CLUSTER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        (folder / "job.pickle").write_bytes(pickle.dumps(job))
    except (AttributeError, pickle.PicklingError) as error:
        raise _unnamed(job.card) from error
    upload = UploadPart(folder / "tasks")
    workers = -1 if job.options.workers is None else job.options.workers
    return make([upload], tasks=len(job.parts), workers=workers, logging_dir=str(upload.folder), **keywords)


def _unnamed(value: Any) -> UsageError:
    return UsageError(
        f"The tasks of a cluster cannot import the {type(value).__name__}. Define builder and card at the top of a "
        "module of their own, not in the script that calls main."
    )


def _modules() -> str:
    """Folders of modules of this process, for the tasks to find the same."""
    return os.pathsep.join(filter(None, sys.path))


def _connect_ray(keywords: Mapping[str, Any]) -> None:
    """Connect to the cluster that RAY_ADDRESS names or that runs on this machine; else start one here."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--executor ray needs Ray ({error}). pip install ray.") from error
    try:
        # Without the token: Ray shows the variables of a job on its dashboard
        ours = [name for name in os.environ if name.startswith(("HF_", "PUBLISHER_")) and name != "HF_TOKEN"]
        variables = {name: os.environ[name] for name in ours}
        ray.init(
            ignore_reinit_error=True,
            log_to_driver=False,
            runtime_env={"env_vars": {**variables, "LOGURU_DIAGNOSE": "NO", "PYTHONPATH": _modules()}},
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"The Ray cluster cannot be used ({error}).") from error
    cpus = keywords.get("cpus_per_task", 1)
    memory = keywords.get("mem_per_cpu_gb", 2) * cpus * 2**30
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cpus and node.get("memory", 0) >= memory for node in nodes):
        log.info(
            "No machine of the Ray cluster has %s CPUs and %g GB for a task. Unless one joins, give a smaller "
            "cpus_per_task or mem_per_cpu_gb to --executor ray.",
            cpus,
            memory / 2**30,
        )
