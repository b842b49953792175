"""The environments, each declared once: what is installed, which scripts read with it, what they check."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Reader:
    """A script in `scripts/`, and the columns of the table that it fills."""

    script: str
    checks: tuple[str, ...]
    needs_project: bool = False  # all others see only the repository


@dataclass(frozen=True)
class Environment:
    """Packages that are installed together, and the readers that use them."""

    name: str
    requirements: tuple[str, ...]
    readers: tuple[Reader, ...]
    versions: tuple[str, ...]  # packages whose versions the table shows
    quick: bool = True  # part of what CI runs
    node: bool = False  # npm and Node instead of pip and Python
    python_below: tuple[int, int] | None = None  # the first Python that its packages have no wheels for
    known_failure: str = ""  # why it is shown although it cannot read

    @property
    def is_pinned(self) -> bool:
        """Whether it would be the same next week."""
        return all("==" in requirement for requirement in self.requirements)


DATASETS = Reader("with_datasets.py", ("folder", "files", "Hub", "train+test", "streaming", "numpy"))
TORCH = Reader("with_torch.py", ("torch", "DataLoader"))
CLASS = Reader("with_class.py", ("class",), needs_project=True)
SCRIPT = Reader("with_script.py", ("script",), needs_project=True)
PANDAS = Reader("with_pandas.py", ("files", "Hub", "train+test"))
POLARS = Reader("with_polars.py", ("files", "train+test"))
DUCKDB = Reader("with_duckdb.py", ("files", "train+test"))
FASTPARQUET = Reader("with_fastparquet.py", ("files",))
HYPARQUET = Reader("with_hyparquet.mjs", ("files", "Hub"))

# Column -> what a tick means
CHECKS = {
    "folder": "`load_dataset` on a local folder with the card",
    "files": "the Parquet files alone, without a card",
    "Hub": "from a Hub by name, or by `hf://` and `https://` address where a reader has no names",
    "train+test": "both splits as one, from each of the places before",
    "streaming": "row by row with `streaming=True`, from each of the places before",
    "numpy": '`with_format("numpy", dtype=None)` keeps float64 and int64',
    "torch": '`with_format("torch", dtype=None)` keeps float64 and int64',
    "DataLoader": "batches of PyTorch's `DataLoader`",
    "script": "`load_dataset` with `mnist1d.py`, `trust_remote_code=True`, from another folder",
    "class": "`Mnist1D(...)`: prepared, and streamed",
}


def _datasets(version: str, *others: str, readers: tuple[Reader, ...], quick: bool) -> Environment:
    """A version of `datasets` with the libraries of its time; the PyTorch of another environment reads there too."""
    return Environment(
        f"datasets-{version}",
        (f"datasets=={version}", *others),
        (DATASETS, TORCH, *readers),
        ("numpy", "pyarrow", "huggingface_hub"),
        quick,
        python_below=(3, 13),
    )


PYTORCH = Environment("torch", ("torch>=2", "datasets>=5"), (TORCH,), ("torch", "datasets"), quick=False)

ENVIRONMENTS = (
    _datasets(
        "2.14.7",
        *("numpy==1.26.4", "pyarrow==14.0.2", "pandas==2.1.4", "huggingface_hub==0.19.4"),
        readers=(),  # the builder needs 2.21
        quick=True,
    ),
    _datasets(
        "2.21.0",
        *("numpy==1.26.4", "pyarrow==17.0.0", "pandas==2.2.2", "huggingface_hub==0.24.7"),
        readers=(SCRIPT, CLASS),
        quick=True,
    ),
    _datasets(
        "3.6.0",
        *("numpy==2.2.6", "pyarrow==20.0.0", "pandas==2.2.3", "huggingface_hub==0.31.4"),
        readers=(SCRIPT, CLASS),
        quick=True,
    ),
    _datasets(
        "4.0.0",
        *("numpy==2.2.6", "pyarrow==21.0.0", "pandas==2.3.1", "huggingface_hub==0.33.5"),
        readers=(CLASS,),
        quick=False,
    ),
    _datasets(
        "4.8.5",
        *("numpy==2.2.6", "pyarrow==23.0.1", "pandas==2.3.3"),
        readers=(CLASS,),
        quick=False,
    ),
    Environment(
        "datasets-newest",
        ("datasets>=5",),
        (DATASETS, TORCH, CLASS),
        ("datasets", "numpy", "pyarrow", "huggingface_hub"),
    ),
    PYTORCH,
    Environment("pandas", ("pandas", "pyarrow", "huggingface_hub"), (PANDAS,), ("pandas", "pyarrow")),
    Environment("polars", ("polars", "numpy"), (POLARS,), ("polars",)),
    Environment("duckdb", ("duckdb", "numpy"), (DUCKDB,), ("duckdb",)),
    Environment(
        "hyparquet",
        ("hyparquet", "hyparquet-compressors"),
        (HYPARQUET,),
        ("hyparquet", "hyparquet-compressors"),
        node=True,
    ),
    Environment(
        "fastparquet",
        ("fastparquet", "pandas"),
        (FASTPARQUET,),
        ("fastparquet", "pandas"),
        quick=False,
        known_failure="it is being retired, according to its page, and does not read the encoding BYTE_STREAM_SPLIT",
    ),
)


def unusable(environment: Environment, node: str | None, npm: str | None) -> str:
    """Why an environment cannot be made on this machine, or nothing."""
    if environment.node and not (node and npm):
        return "skipped: needs node and npm, which are not installed"
    if environment.python_below and sys.version_info[:2] >= environment.python_below:
        return f"skipped: its packages have no wheels for Python {sys.version_info.major}.{sys.version_info.minor}"
    return ""
