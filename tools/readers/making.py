"""Environments on disk: made once, kept between runs, made anew when they are not what is declared."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.readers.environments import Environment

MARKER = "made.json"  # written last: name and version of each package
WEEK = 7 * 24 * 3600  # seconds that "newest" stays so
TIMEOUT = 1800  # seconds


class MakingError(Exception):
    """An environment could not be made; says why in one line."""


@dataclass(frozen=True)
class Made:
    """An environment that is ready."""

    folder: Path
    versions: dict[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


LIST = """
import importlib.metadata, json
packages = importlib.metadata.distributions()
print(json.dumps({package.metadata["Name"].replace("-", "_"): package.version for package in packages}))
"""


def folder_of(environment: Environment, root: Path) -> Path:
    """Folder of an environment: its name, and a digest of all that makes it what it is.

    Parameters
    ----------
    environment : Environment
    root : Path
        The folder of all environments.

    Returns
    -------
    Path
    """
    language = "node" if environment.node else f"{sys.version} {sys.base_prefix}"
    declaration = json.dumps([environment.requirements, language])
    return root / f"{environment.name}-{hashlib.sha256(declaration.encode()).hexdigest()[:8]}"


def make(environment: Environment, root: Path) -> Made:
    """Make an environment unless it is there, whole, and as declared.

    Parameters
    ----------
    environment : Environment
    root : Path
        The folder of all environments; earlier ones of the same name are removed.

    Returns
    -------
    Made

    Raises
    ------
    MakingError
        If a package cannot be installed.
    """
    folder = folder_of(environment, root)
    marker = folder / MARKER
    if not is_made(environment, marker):
        for old in root.glob(f"{environment.name}-{'[0-9a-f]' * 8}"):
            shutil.rmtree(old)
        folder.mkdir(parents=True)
        versions = _install_node(environment, folder) if environment.node else _install_python(environment, folder)
        beside = marker.with_suffix(".new")
        beside.write_text(json.dumps(versions, indent=1), encoding="utf-8")
        beside.rename(marker)
    return Made(folder, json.loads(marker.read_text(encoding="utf-8")))


def is_made(environment: Environment, marker: Path) -> bool:
    """Return True if an environment is complete; one without pins counts for a week only."""
    return marker.is_file() and (environment.is_pinned or time.time() - marker.stat().st_mtime < WEEK)


def _install_python(environment: Environment, folder: Path) -> dict[str, str]:
    _run(sys.executable, "-m", "venv", str(folder))
    pip = (str(Made(folder, {}).python), "-m", "pip", "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--only-binary=:all:", *environment.requirements)
    return dict(json.loads(_run(pip[0], "-c", LIST)))


def _install_node(environment: Environment, folder: Path) -> dict[str, str]:
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    npm = (shutil.which("npm") or "npm", "--prefix", str(folder))
    _run(*npm, "install", "--silent", "--no-audit", "--no-fund", *environment.requirements)
    listed = json.loads(_run(*npm, "ls", "--json"))["dependencies"]
    return {name: package["version"] for name, package in listed.items()}


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise MakingError(f"could not be made in {TIMEOUT} seconds") from None
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in said if "error" in line.lower()] or said
        raise MakingError(f"could not be made: {errors[-1] if errors else f'exit code {done.returncode}'}")
    return done.stdout
