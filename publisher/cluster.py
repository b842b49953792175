"""A job on the executors of datatrove (https://github.com/huggingface/datatrove): local processes, Slurm, Ray."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import shlex
import shutil
import signal
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
from multiprocess import current_process

from publisher.errors import DifferenceError, PublishingError, UsageError, WorkerError
from publisher.job import Job
from publisher.publish import Outcome

# Keywords of the executors that are decided here: which tasks there are, and which of them are done
OURS = {
    *("self", "pipeline", "tasks", "workers", "logging_dir", "skip_completed", "depends", "depends_job_id"),
    *("local_tasks", "local_rank_offset", "nodes_per_task"),
}
ENVIRONMENT = ("env_command", "condaenv", "venv_path")  # how a script of Slurm finds the programs


class Task(PipelineStep):
    """A step that leaves word of how it ended, because an executor may hide what a task raises.

    Parameters
    ----------
    job : Path
        Where the job is written: executors copy a step many times, and a job may be large.
    folder : Path
        Where word is left.
    """

    type = "Parts"

    def __init__(self, job: Path, folder: Path) -> None:
        super().__init__()
        self.job = job
        self.folder = folder

    def run(self, data: object = None, rank: int = 0, world_size: int = 1) -> None:
        """Do the work of one task."""
        if current_process().daemon:  # one of a pool, which may wait for ever for a process that handles SIGTERM itself
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        word = self.word(rank)
        word.parent.mkdir(parents=True, exist_ok=True)
        try:
            word.write_bytes(pickle.dumps(self.work(pickle.loads(self.job.read_bytes()), rank)))
        except PublishingError as error:
            word.write_bytes(pickle.dumps(error))
            raise

    def word(self, rank: int) -> Path:
        """Where the word of a task is left."""
        return self.folder / "words" / f"{rank:05d}.pickle"

    @abstractmethod
    def work(self, job: Job, rank: int) -> Outcome | None:
        """Do it."""


class UploadPart(Task):
    """Each task draws and uploads one part."""

    name = "Draw and upload"

    def work(self, job: Job, rank: int) -> None:
        """Do it."""
        part = job.parts[rank]
        with self.track_time("part"):
            job.uploads.add(part)
        self.stat_update("rows", value=part.rows, unit="part")


class CommitParts(Task):
    """The last task makes all parts visible."""

    name = "Commit"

    def work(self, job: Job, rank: int) -> Outcome:
        """Do it."""
        outcome = job.finish()
        if outcome.differences:
            raise DifferenceError("; ".join(outcome.differences))
        return outcome


def run_on(executor: str, job: Job, workers: int | None, options: Mapping[str, Any]) -> Outcome | str:
    """Run a job, or submit it.

    Parameters
    ----------
    executor : str
        "local", "slurm" or "ray".
    job : Job
        In its `uploads.folder` datatrove keeps logs, and what is completed.
    workers : int or None
        Tasks at the same time; None is one on this machine, and as many as there is room for on a cluster.
    options : mapping of str to object
        More keywords of the executor, such as `time` and `partition` of Slurm.

    Returns
    -------
    Outcome or str
        Of the last task; or the number of the Slurm job that does it.

    Raises
    ------
    UsageError
        If an option is missing or unknown, or the cluster is not there.
    WorkerError
        If a task was killed, or failed for a reason that only its log tells. Any other reason is raised as it is.
    """
    make = getattr(import_module(f"datatrove.executor.{executor}"), f"{executor.capitalize()}PipelineExecutor")
    _check_options(executor, make, options)
    if executor == "slurm":
        _check_slurm()
        options = {**_environment(options), **options}
    elif executor == "ray":
        _connect_ray(options)
    if workers is None:
        workers = 1 if executor == "local" else -1

    waiting = {part.path for part in job.start()}
    folder = job.uploads.folder / f"job-{_digest(job)}"  # other jobs may share the uploads
    folder.mkdir(exist_ok=True)
    written = folder / "job.pickle"
    written.write_bytes(pickle.dumps(job))
    upload = UploadPart(written, folder / "tasks")
    commit = CommitParts(written, folder / "commit")
    # The Hub may have lost what a task of an earlier run has completed
    _forget(upload, [rank for rank, part in enumerate(job.parts) if part.path in waiting])
    _forget(commit, [0])
    first = make([upload], tasks=len(job.parts), workers=workers, logging_dir=str(upload.folder), **options)
    last = make([commit], tasks=1, workers=1, logging_dir=str(commit.folder), **options)
    if executor == "slurm":
        last.depends = first
        return _submit(last)
    _run(first, upload)
    _run(last, commit)
    outcome = pickle.loads(commit.word(0).read_bytes())
    assert isinstance(outcome, Outcome)
    return outcome


def _digest(job: Job) -> str:
    parts = [(part.path, part.sample) for part in job.parts]
    return hashlib.sha256(repr((job.target, parts)).encode()).hexdigest()[:12]


def _forget(task: Task, ranks: list[int]) -> None:
    for rank in ranks:
        task.word(rank).unlink(missing_ok=True)
        (task.folder / "completions" / f"{rank:05d}").unlink(missing_ok=True)


def _run(stage: PipelineExecutor, task: Task) -> None:
    stage.run()
    failed = stage.get_incomplete_ranks()  # Ray's says nothing of them
    for rank in failed:
        if task.word(rank).exists() and isinstance(word := pickle.loads(task.word(rank).read_bytes()), Exception):
            raise word
    if failed:
        raise WorkerError(
            f"{len(failed)} of {stage.world_size} tasks failed or were killed, see {task.folder / 'logs'}: "
            "run the same again to go on"
        )


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


def _submit(last: Any) -> str:
    try:
        last.run()
    except subprocess.CalledProcessError as error:
        raise UsageError(f"sbatch refused the job with exit code {error.returncode}: see what it said above") from error
    return str(last.job_id)


def _connect_ray(options: Mapping[str, Any]) -> None:
    """To the cluster that RAY_ADDRESS names or that runs on this machine; else start one here."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--executor ray needs Ray ({error}): pip install ray") from error
    try:
        # The token is not handed on: Ray shows the variables of a job to whoever may look
        variables = {name: value for name, value in os.environ.items() if name.startswith("HF_") and name != "HF_TOKEN"}
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
