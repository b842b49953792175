"""The same bits on other processors: with NumPy's loops for newer instructions switched off."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_authors import PARAMETER_SETS, SHA256

ROOT = Path(__file__).parents[1]
BANNED = ("scipy", "matplotlib", "requests", "datasets", "pyarrow", "pandas", "huggingface_hub", "jinja2", "tqdm")
CORE = "numpy._core" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "numpy.core"
umath = importlib.import_module(f"{CORE}._multiarray_umath")
ENABLED = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]
GROUPS = {
    "all": ENABLED,
    "AVX512": [name for name in ENABLED if name.startswith(("AVX512", "X86_V4"))],
    "AVX2": [name for name in ENABLED if name in {"AVX2", "FMA3", "X86_V3"}],
}
PROGRAM = f"""
import json, sys
from {CORE} import _multiarray_umath as umath
from tests.on_this_machine import digests

found = {{name: digests(changed, "authors") for name, changed in json.load(sys.stdin).items()}}
enabled = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]
print(json.dumps([enabled, found]))
"""


def run(program: str, given: object = None, **environment: str) -> str:
    """What the program prints, in an interpreter of its own."""
    inherited = {name: value for name, value in os.environ.items() if name != "NPY_DISABLE_CPU_FEATURES"}
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=json.dumps(given),
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_digests_without_processor_features(group: str) -> None:
    """All six parameter sets come out the same when NumPy may not use a group of instructions."""
    features = GROUPS[group]
    if not features:
        pytest.skip("NumPy dispatches nothing of this group on this machine")
    enabled, digests = json.loads(run(PROGRAM, PARAMETER_SETS, NPY_DISABLE_CPU_FEATURES=" ".join(features)))
    assert not set(enabled) & set(features)
    assert digests == SHA256


def test_generator_imports_numpy_alone() -> None:
    """The generator brings no library with it but NumPy."""
    before, after = json.loads(
        run(
            "import json, sys, numpy, numpy.random; before = list(sys.modules); import generator; "
            "print(json.dumps([before, list(sys.modules)]))"
        )
    )
    new = {module.partition(".")[0] for module in after} - {module.partition(".")[0] for module in before}
    assert new - set(sys.stdlib_module_names) == {"generator"}
    assert not set(BANNED) & {module.partition(".")[0] for module in after}
