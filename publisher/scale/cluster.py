"""A job on the executors of datatrove (https://github.com/huggingface/datatrove): Slurm and Ray."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shlex
import shutil
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ["LOGURU_DIAGNOSE"] = "NO"  # else datatrove's log of a failure shows the values of variables, tokens too

from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep

from publisher import errors
from publisher.errors import DifferenceError, PublishingError, UsageError, WorkerError
from publisher.scale.job import Job
from publisher.scale.written import read_job, write_job

# Keywords of the executors that are decided here: which tasks there are, and which of them are done
OURS = {
    *("self", "pipeline", "tasks", "workers", "logging_dir", "skip_completed", "depends", "depends_job_id"),
    *("local_tasks", "local_rank_offset", "nodes_per_task"),
}
ENVIRONMENT = ("env_command", "condaenv", "venv_path")  # how a script of Slurm finds the programs


class ClusterTask(PipelineStep):
    """A step that leaves word of why it failed, because an executor may hide what a task raises."""

    type = "Parts"

    def __init__(self, job: Path, folder: Path) -> None:
        super().__init__()
        self.job = job  # where it is written: executors copy a step many times, and a job may be large
        self.folder = folder  # where word is left

    def run(self, data: object = None, rank: int = 0, world_size: int = 1) -> None:
        """Do the work of one task."""
        try:
            self.work(read_job(self.job), rank)
        except PublishingError as error:
            word = self.word(rank)
            word.parent.mkdir(parents=True, exist_ok=True)
            word.write_text(json.dumps({"error": type(error).__name__, "sentence": str(error)}), encoding="utf-8")
            raise

    def word(self, rank: int) -> Path:
        """Where the word of a task is left."""
        return self.folder / "words" / f"{rank:05d}.json"

    @abstractmethod
    def work(self, job: Job, rank: int) -> None:
        """Work on the part of a rank, or on all of them."""


class UploadPart(ClusterTask):
    """Each task draws and uploads one part."""

    name = "Draw and upload"

    def work(self, job: Job, rank: int) -> None:
        """Draw a part and upload it."""
        part = job.parts[rank]
        with self.track_time("part"):
            job.uploads.add(part)
        self.stat_update("rows", value=part.amount, unit="part")


class CommitParts(ClusterTask):
    """The last task makes all parts visible."""

    name = "Commit"

    def work(self, job: Job, rank: int) -> None:
        """Upload what is missing, and commit."""
        outcome = job.finish(job.begin()[0], lambda outcome: None)
        if outcome.differences:
            raise DifferenceError("; ".join(outcome.differences))


def submit(job: Job, workers: int | None, options: Mapping[str, Any]) -> str:
    """Submit a job to Slurm, and do not wait.

    Parameters
    ----------
    job : Job
        In its `uploads.folder` datatrove keeps logs, and what is completed.
    workers : int or None
        Tasks at the same time; None is as many as there is room for.
    options : mapping of str to object
        More keywords of the executor, such as `time` and `partition`.

    Returns
    -------
    str
        The number of the Slurm job that commits.

    Raises
    ------
    UsageError
        If an option is missing or unknown, or Slurm is not there or refuses.
    """
    make = _executor("slurm", options)
    _check_slurm()
    options = {**_environment(options), **options}
    first, folder, written = _prepare(job, make, workers, options)
    commit = CommitParts(written, folder / "commit")
    _forget(commit, [0])
    last = make([commit], tasks=1, workers=1, logging_dir=str(commit.folder), **options)
    last.depends = first
    try:
        last.run()
    except subprocess.CalledProcessError as error:
        raise UsageError(f"sbatch refused the job with exit code {error.returncode}: see what it said above") from error
    return str(last.job_id)


def upload_on_ray(job: Job, workers: int | None, options: Mapping[str, Any]) -> None:
    """Draw and upload all parts of a job on a Ray cluster.

    Parameters
    ----------
    job, workers, options
        As for `submit`.

    Raises
    ------
    UsageError
        If an option is unknown, or the cluster is not there.
    WorkerError
        If a task was killed, or failed for a reason that only its log tells. Any other reason is raised as it is.
    """
    make = _executor("ray", options)
    _connect_ray(options)
    stage, folder, _ = _prepare(job, make, workers, options)
    stage.run()
    failed = stage.get_incomplete_ranks()  # Ray's executor says nothing of them
    for rank in failed:
        word = stage.pipeline[0].word(rank)
        if word.exists():
            said = json.loads(word.read_text(encoding="utf-8"))
            raise getattr(errors, said["error"])(said["sentence"])
    if failed:
        raise WorkerError(
            f"{len(failed)} of {stage.world_size} tasks failed or were killed, see {folder / 'tasks' / 'logs'}: "
            "run the command again to go on"
        )


def _executor(name: str, options: Mapping[str, Any]) -> Any:
    make = getattr(import_module(f"datatrove.executor.{name}"), f"{name.capitalize()}PipelineExecutor")
    _check_options(name, make, options)
    return make


def _prepare(
    job: Job, make: Any, workers: int | None, options: Mapping[str, Any]
) -> tuple[PipelineExecutor, Path, Path]:
    """The stage that uploads, the job's folder, and where the job is written."""
    waiting = {part.path for part in job.begin()[1]}
    folder = job.uploads.folder / f"job-{_digest(job)}"  # other jobs may share the uploads
    folder.mkdir(exist_ok=True)
    written = folder / "job.json"
    write_job(job, written)
    upload = UploadPart(written, folder / "tasks")
    # The Hub may have lost what a task of an earlier run has completed
    _forget(upload, [rank for rank, part in enumerate(job.parts) if part.path in waiting])
    tasks = {"tasks": len(job.parts), "workers": -1 if workers is None else workers}
    return make([upload], **tasks, logging_dir=str(upload.folder), **options), folder, written


def _digest(job: Job) -> str:
    parts = [(part.path, part.fingerprint) for part in job.parts]
    return hashlib.sha256(repr((job.options, parts)).encode()).hexdigest()[:12]


def _forget(task: ClusterTask, ranks: list[int]) -> None:
    for rank in ranks:
        task.word(rank).unlink(missing_ok=True)
        (task.folder / "completions" / f"{rank:05d}").unlink(missing_ok=True)


def _check_slurm() -> None:
    if not shutil.which("sbatch"):
        raise UsageError("--executor slurm needs sbatch, and there is none: run this where Slurm jobs are submitted")
    if "SLURM_ARRAY_TASK_ID" in os.environ:
        raise UsageError("--executor slurm submits jobs, and this is a task of one: run it where jobs are submitted")


def _environment(options: Mapping[str, Any]) -> dict[str, str]:
    """The programs and modules of this process for the tasks, unless an option sees to that."""
    if any(options.get(name) for name in ENVIRONMENT):
        return {}
    programs = Path(sys.executable).parent
    return {"env_command": f"export PATH={shlex.quote(str(programs))}:$PATH PYTHONPATH={shlex.quote(_modules())}"}


def _modules() -> str:
    """Where this process finds its modules, for the tasks to find the same."""
    return os.pathsep.join(filter(None, sys.path))


def _connect_ray(options: Mapping[str, Any]) -> None:
    """To the cluster that RAY_ADDRESS names or that runs on this machine; else start one here."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--executor ray needs Ray ({error}): pip install ray") from error
    try:
        # The token is not handed on: Ray shows the variables of a job to whoever may look
        ours = [name for name in os.environ if name.startswith(("HF_", "PUBLISHER_")) and name != "HF_TOKEN"]
        variables = {name: os.environ[name] for name in ours}
        ray.init(
            ignore_reinit_error=True,
            log_to_driver=False,
            runtime_env={"env_vars": {**variables, "LOGURU_DIAGNOSE": "NO", "PYTHONPATH": _modules()}},
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"the Ray cluster cannot be used: {error}") from error
    cpus = options.get("cpus_per_task", 1)
    memory = options.get("mem_per_cpu_gb", 2) * cpus * 2**30
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cpus and node.get("memory", 0) >= memory for node in nodes):
        print(
            f"no machine of the Ray cluster has {cpus} CPUs and {memory / 2**30:g} GB for a task: unless one joins, "
            "give a smaller --executor-option cpus_per_task or mem_per_cpu_gb",
            file=sys.stderr,
        )


def _check_options(executor: str, make: type[PipelineExecutor], options: Mapping[str, Any]) -> None:
    ours = OURS | ({"tasks_per_job"} if executor == "ray" else set())  # there they are processes side by side
    keywords = {name: kw for name, kw in inspect.signature(make.__init__).parameters.items() if name not in ours}
    for name in options:
        if name not in keywords:
            allowed = ", ".join(keywords)
            raise UsageError(f"--executor-option {name} is not one of {executor}: give {allowed}")
        if name.endswith("_args") and not isinstance(options[name], Mapping):
            raise UsageError(f"--executor-option {name}={options[name]} is not allowed: give a dictionary")
        default = keywords[name].default
        if isinstance(default, float | int) and not isinstance(options[name], float | int):
            raise UsageError(f"--executor-option {name}={options[name]} is not allowed: give a number, as {default} is")
    for name, keyword in keywords.items():
        if keyword.default is keyword.empty and name not in options:
            raise UsageError(f"--executor {executor} needs --executor-option {name}=VALUE")
