"""A job on the executors of datatrove (https://github.com/huggingface/datatrove): Slurm and Ray."""

from __future__ import annotations

import inspect
import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ["LOGURU_DIAGNOSE"] = "NO"  # else datatrove's log of a failure shows the values of variables, tokens also

from datatrove.executor.base import PipelineExecutor

import publisher.builders  # noqa: F401  # tasks find a script again with what this installs
from publisher.errors import DifferenceError, PublishingError, UsageError, WorkerError
from publisher.options import read_settings
from publisher.prepare.tasks import FilePart
from publisher.publish import Outcome, Show
from publisher.scale import CLUSTER, Job, begin, publish_job
from publisher.scale.workers import notes as log

MODULES = os.pathsep.join(filter(None, sys.path))  # folders of modules of this process, for the tasks to find the same
COMMA = re.compile(r",(?=[A-Za-z_]\w*=)")  # between keywords; others belong to a value
SHARED = {"pipeline", "tasks", "workers", "logging_dir", "skip_completed", "depends", "nodes_per_task"}
# Keywords of the executors that are decided here: which tasks there are, and which of them are done
OURS = {"slurm": {*SHARED, "depends_job_id"}, "ray": {*SHARED, "tasks_per_job"}}
ENVIRONMENT = ("env_command", "condaenv", "venv_path")  # how a script of Slurm finds the programs


def upload_part(folder: Path, data: object, rank: int, world_size: int) -> None:
    """Prepare and upload one part of the job in a folder, unless that is done."""
    # Not Ray's handler, which Python may lose: datatrove's pool ends this process by the signal, and waits forever
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    job: Job = pickle.loads((folder / "job.pickle").read_bytes())
    part = job.parts[rank]
    try:
        if job.notes.find(part) is None:
            job.notes.prepare(part)
    except PublishingError as error:  # kept, because Ray's executor hides what a task raises
        (folder / f"{rank}.error").write_bytes(pickle.dumps(error))
        raise


def commit_parts(folder: Path, *_: object) -> None:
    """Commit all parts of the job in a folder: the last task."""
    job: Job = pickle.loads((folder / "job.pickle").read_bytes())
    if differences := publish_job(job, lambda outcome: None).differences:
        raise DifferenceError("; ".join(differences))


def submit(job: Job) -> str:
    """Submit a job to Slurm, do not wait, and return the number of the Slurm job that commits."""
    make, keywords = _executor(job)
    if not shutil.which("sbatch"):
        raise UsageError(
            "--executor slurm needs sbatch, which is not installed. Run it where Slurm jobs are submitted."
        )
    if not any(keywords.get(name) for name in ENVIRONMENT):  # programs and modules of this process for the tasks
        path = shlex.quote(str(Path(sys.executable).parent))
        keywords["env_command"] = f"export PATH={path}:$PATH PYTHONPATH={shlex.quote(MODULES)}"
    begin(job)
    folder, upload = _stage(job, make, keywords)
    commit = [partial(commit_parts, folder)]
    last = make(commit, tasks=1, workers=1, logging_dir=str(folder / "commit"), depends=upload, **keywords)
    try:
        last.run()
    except subprocess.CalledProcessError as error:
        raise UsageError(f"sbatch refused the job with exit code {error.returncode}. See its message above.") from error
    return str(last.job_id)


def publish_on_ray(job: Job, show: Show) -> Outcome:
    """Prepare and upload all parts of a job on a Ray cluster, then commit from here; raises the error of a task."""
    make, keywords = _executor(job)
    _connect_ray(keywords)

    def upload_all(job: Job, missing: Sequence[FilePart]) -> None:
        folder, upload = _stage(job, make, keywords)
        upload.run()
        for error in folder.glob("*.error"):
            raise pickle.loads(error.read_bytes())
        if failed := upload.get_incomplete_ranks():  # without an error that was kept
            raise WorkerError(
                f"{len(failed)} of {len(job.parts)} tasks failed or were killed, see {folder / 'tasks' / 'logs'}. Run "
                "the command again with --resume."
            )

    outcome = publish_job(job, show, upload_all)
    shutil.rmtree(job.notes.folder / CLUSTER, ignore_errors=True)
    return outcome


def _executor(job: Job) -> tuple[Any, dict[str, Any]]:
    """The executor's class, and its checked keywords."""
    name, _, rest = job.options.executor.partition(":")
    if name not in OURS:
        raise UsageError(f"--executor {name!r} is not allowed. Give one of {', '.join(OURS)}.")
    keywords = read_settings(f"--executor {name}: keyword", COMMA.split(rest) if rest else [])
    make = getattr(import_module(f"datatrove.executor.{name}"), f"{name.capitalize()}PipelineExecutor")
    try:
        if taken := keywords.keys() & OURS[name]:
            raise TypeError(f"{min(taken)} is decided here")
        signature = inspect.signature(make)
        signature.bind(pipeline=[], tasks=1, **keywords)
        for key, value in keywords.items():
            default = signature.parameters[key].default
            if isinstance(default, float | int) and not isinstance(value, float | int):
                raise TypeError(f"{key}={value} is not a number such as {default}")
    except TypeError as error:
        raise UsageError(f"--executor {name}: {error}. Give the keywords of datatrove's {make.__name__}.") from None
    return make, keywords


def _stage(job: Job, make: Any, keywords: Mapping[str, Any]) -> tuple[Path, PipelineExecutor]:
    """A new folder for the job, so that datatrove runs all of its tasks, and the executor that uploads."""
    try:
        pickled = pickle.dumps(job)
        if "__main__" in (job.builder.__module__, type(job.card).__module__):  # another module for the tasks
            raise pickle.PicklingError
    except (AttributeError, pickle.PicklingError) as error:
        raise UsageError(
            "The tasks of a cluster cannot import the builder or its card. Define both at the top of a module of their "
            "own, not in the script that calls main."
        ) from error
    folder = job.notes.folder / CLUSTER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "job.pickle").write_bytes(pickled)
    upload, logs, workers = [partial(upload_part, folder)], str(folder / "tasks"), job.options.workers or -1
    return folder, make(upload, tasks=len(job.parts), workers=workers, logging_dir=logs, **keywords)


def _connect_ray(keywords: Mapping[str, Any]) -> None:
    """Connect to the cluster that RAY_ADDRESS names or that runs on this machine; else start one here."""
    try:
        import ray

        # Without the token: Ray shows the variables of a job on its dashboard
        ours = [name for name in os.environ if name.startswith(("HF_", "PUBLISHER_")) and name != "HF_TOKEN"]
        variables = {"LOGURU_DIAGNOSE": "NO", "PYTHONPATH": MODULES, **{name: os.environ[name] for name in ours}}
        ray.init(ignore_reinit_error=True, log_to_driver=False, runtime_env={"env_vars": variables})
    except ImportError as error:
        raise UsageError(f"--executor ray needs Ray ({error}). pip install ray.") from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"The Ray cluster cannot be used ({error}).") from error
    cpus = keywords.get("cpus_per_task", 1)
    memory = keywords.get("mem_per_cpu_gb", 2) * cpus * 2**30
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cpus and node.get("memory", 0) >= memory for node in nodes):
        log.info(
            f"No machine of the Ray cluster has {cpus} CPUs and {memory / 2**30:g} GB for a task. Unless one joins, "
            "give a smaller cpus_per_task or mem_per_cpu_gb to --executor ray."
        )
