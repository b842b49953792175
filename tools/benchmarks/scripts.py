"""Count the loading scripts that the command publishes as they are: each in a folder with the sample data it came with.

python tools/benchmarks/scripts.py FOLDER [NAME ...] [--jobs N] [--configs N] [--results FILE.jsonl]

FOLDER holds NAME/NAME.py and NAME/dummy/CONFIG/VERSION/dummy_data.zip, as the former collection of `datasets` does:
`git clone --branch 2.4.0 https://github.com/huggingface/datasets`, then its folder `datasets`. Downloads are answered
with the sample data; all else is the command. What it writes is read with `load_dataset` and compared with what the
script yields. With `--results`, a run that was stopped goes on. This runs the scripts.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import platform
import random
import re
import shutil
import sys
import tempfile
import traceback
import urllib.parse
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

LIMIT = 300  # seconds for a script
EQUAL, MEDIA, REFUSED, ITSELF, DIFFERENT, FAULT = (
    "equal",
    "media equal",
    "refused",
    "failed by itself",
    "DIFFERENT",
    "FAULT",
)


@dataclass(frozen=True)
class Result:
    """Outcome of a script, and the reason."""

    name: str
    status: str
    reason: str


def samples_of(folder: Path, config: str) -> Path | None:
    """The sample data of a config; a script with a single config may leave its name out."""
    for pattern in (f"{config}/*/dummy_data.zip", "*/dummy_data.zip"):
        found: list[Path] = sorted((folder / "dummy").glob(pattern))
        if found:
            return found[-1]
    return None


def answer_downloads(samples: Path, names: Sequence[str]) -> None:
    """Let downloads of scripts give sample data: under the last part of each address, or all of it.

    Archives are read in the order of `names`: many scripts count on what comes first.
    """
    from publisher.prepare import datasets_compat

    def named(url: Any) -> str:
        return str(samples / urllib.parse.quote_plus(str(url).rstrip("/").split("/")[-1]))

    def several(urls: list[Any]) -> list[Any]:
        if urls and all(re.search("[0-9]{3,}-of-[0-9]{3,}|pubmed[0-9]+n[0-9]+", str(url)) for url in urls):
            urls = [urls[0]] * len(urls)  # the samples have one of the files
        return [several(list(url)) if isinstance(url, (list, tuple)) else named(url) for url in urls]

    def give(manager: Any, urls: Any, *_: Any) -> Any:
        if isinstance(urls, (list, tuple)):
            return several(list(urls))
        if not isinstance(urls, Mapping):
            return named(urls) if Path(named(urls)).exists() else str(samples)
        given = {
            key: give(manager, url) if isinstance(url, Mapping) else several([url])[0] for key, url in urls.items()
        }
        if all(isinstance(path, str) for path in given.values()) and len(set(given.values())) < len(given):
            return {key: f"{path}{key}" for key, path in given.items()}  # as the samples tell them apart
        return given

    def members(manager: Any, path: Any) -> Iterator[tuple[str, Any]]:
        path = Path(path)
        for file in [samples.parent / name for name in names]:
            if file.is_relative_to(path) and file.is_file() and not file.name.startswith((".", "__")):
                with file.open("rb") as stream:
                    yield file.relative_to(path).as_posix(), stream

    manager: Any = datasets_compat._Downloads  # that of scripts alone: `load_dataset` has one, too
    manager.download = manager.download_and_extract = manager.download_custom = give
    manager.extract = lambda self, paths, *_, **__: paths
    manager.iter_archive = members


def own_rows(kind: Any, config: str, options: Mapping[str, Any], folders: Sequence[str]) -> dict[str, list[str]]:
    """Split -> rows as the script yields them, encoded by its features, without the library's files in between."""
    from publisher.builders import sequences_of_dicts
    from publisher.options import Options
    from publisher.prepare.datasets_compat import encoded_as_before_4
    from publisher.prepare.tasks import ConfigBuilder

    source = ConfigBuilder(kind, config, options, Options("").work_folder, Path(tempfile.mkdtemp()))
    features = source.builder.info.features
    rows: dict[str, list[str]] = {}
    with sequences_of_dicts(), encoded_as_before_4():
        for split, keywords in source.splits.items():
            if hasattr(source.builder, "_generate_tables"):
                examples = (
                    row for _, table in source.builder._generate_tables(**keywords) for row in table.to_pylist()
                )
            else:
                examples = (example for _, example in source.builder._generate_examples(**keywords))
            rows[split] = [spell(encoded(example, features), features, folders) for example in examples]
    return rows


def encoded(example: Any, features: Any) -> Any:
    """A row as Arrow gives it back."""
    import datasets
    import pyarrow as pa

    if features is None:
        return pa.Table.from_pylist([example]).to_pylist()[0]
    columns = {name: [value] for name, value in features.encode_example(example).items()}
    with tempfile.TemporaryDirectory() as folder:
        writer = datasets.arrow_writer.ArrowWriter(features=features, path=str(Path(folder, "row.arrow")))
        writer.write_batch(columns)
        writer.finalize()
        writer.stream.close()
        with pa.memory_map(str(Path(folder, "row.arrow"))) as file:
            return pa.ipc.open_stream(file).read_all().to_pylist()[0]


def spell(row: Any, features: Any, folders: Sequence[str]) -> str:
    """A row to compare: media by their bytes, texts without the folders of this machine with which they begin."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"bytes", "path"} and (value["bytes"] is not None or value["path"] is not None):
                return value["bytes"] if value["bytes"] is not None else Path(value["path"]).read_bytes()
            return {name: plain(inner) for name, inner in sorted(value.items())}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        found = (folder for folder in folders if isinstance(value, str) and value.startswith(f"{folder}/"))
        return value[len(folder) + 1 :] if (folder := next(found, None)) else value

    return repr(plain(row))


def try_config(folder: Path, config: str, kind: Any) -> tuple[str, str]:
    """Outcome of a config, and the reason; in a separate process, as scripts change what they like."""
    from datasets import DatasetBuilder, load_dataset

    from publisher.builders import find_builder
    from publisher.cli.commands import publish_dataset as main
    from publisher.options import Options
    from publisher.prepare.parquet import has_media

    downloads = Options("").work_folder / "downloads"

    archive = samples_of(folder, config)
    if archive is None:
        return ITSELF, "no sample data"
    place = Path(tempfile.mkdtemp(dir=downloads))
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
        members = file.namelist()
    samples = place / "dummy_data"
    answer_downloads(samples, members)
    needed = "manual_download_instructions"  # a property of all builders in `datasets` 2
    by_hand = getattr(kind, needed, None) is not getattr(DatasetBuilder, needed, None)
    manual = str(samples if samples.is_dir() else place)
    out = place / "out"
    said = io.StringIO()
    more = ["--data-dir", manual] if by_hand else []
    folders = [manual, str(downloads)] if by_hand else [str(downloads)]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        arguments = [str(folder), f"me/{folder.name}", "--config", config, "--output-dir", str(out), *more]
        random.seed(0)  # some scripts shuffle; the command imports the script anew, and so it is below
        code = main(arguments)
    words = said.getvalue().strip().splitlines()[-1:] or [""]
    if code not in (0, 2):
        return FAULT, f"exit code {code}: {words[0]}"
    shutil.rmtree(samples, ignore_errors=True)  # some scripts write into them
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
    try:
        random.seed(0)
        own = own_rows(find_builder(str(folder)), config, {"data_dir": manual} if by_hand else {}, folders)
    except Exception as error:
        if code == 0:
            return DIFFERENT, f"published, but the script fails: {traceback.format_exc(limit=-1)}"
        return ITSELF, " ".join(f"{type(error).__name__}: {error}".split())
    if code:
        return (ITSELF, "no rows") if not all(own.values()) else (REFUSED, words[0])
    published = load_dataset(str(out), config)
    if set(published) != set(own):
        return DIFFERENT, f"splits {sorted(published)}, not {sorted(own)}"
    for split, dataset in published.items():
        features = dataset.features
        rows = dataset.with_format("arrow")[:].to_pylist()
        there = [spell(row, features, folders) for row in rows]
        if there != own[split]:
            pairs = zip(there, own[split], strict=False)
            first = next((pair for pair in pairs if pair[0] != pair[1]), (len(there), len(own[split])))
            return DIFFERENT, f"{split}: {first[0]!s:.300} is not {first[1]!s:.300}"
    media = any(has_media(dataset.features) for dataset in published.values())
    return MEDIA if media else EQUAL, ""


def try_script(folder: Path, configs: int) -> tuple[str, str]:
    """Outcome of a script: the worst of the configs that it can read itself."""
    from publisher.builders import find_builder
    from publisher.errors import UsageError
    from publisher.options import Options
    from publisher.prepare.configs import declared_configs

    downloads = Options("").work_folder / "downloads"

    downloads.mkdir(parents=True, exist_ok=True)
    try:
        kind = find_builder(str(folder))
    except UsageError as error:
        return REFUSED, str(error)
    names = list(declared_configs(kind))
    with_samples = [name for name in names if (folder / "dummy" / name).is_dir()]
    results = [try_config(folder, name, kind) for name in (with_samples or names)[:configs]]
    order = (FAULT, DIFFERENT, REFUSED, MEDIA, EQUAL, ITSELF)
    return min(results, key=lambda result: order.index(result[0]))


def _answer(pipe: Connection, folder: Path, configs: int) -> None:
    """Send the outcome of a script; its output is discarded."""
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    try:
        pipe.send(try_script(folder, configs))
    except BaseException as error:  # a script may well call sys.exit
        pipe.send((FAULT, f"{type(error).__name__}: {traceback.format_exc(limit=-2)}"))


def in_a_process(folder: Path, configs: int) -> Result:
    """The same, whatever the script does to its process: a fork of one that has imported all that is needed."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("forkserver").Process(target=_answer, args=(theirs, folder, configs))
    process.start()
    theirs.close()
    try:
        status, reason = ours.recv() if ours.poll(LIMIT) else (FAULT, f"more than {LIMIT} s")
    except EOFError:
        status, reason = FAULT, "its process died"
    process.kill()
    process.join()
    return Result(folder.name, status, " ".join(reason.split())[:400])


def print_table(results: Sequence[Result]) -> None:
    """The counts, and below each the messages and their numbers of scripts, as a table of Markdown."""
    print(f"\n| {len(results)} scripts | | |\n|---|---:|---|")
    for status, count in Counter(result.status for result in results).most_common():
        print(f"| {status} | {count} | |")
        said = defaultdict(list)
        for result in results:
            if result.status == status and result.reason:
                said[result.reason].append(result.name)
        for reason, scripts in sorted(said.items(), key=lambda item: -len(item[1])):
            print(f"| | | {', '.join(scripts)}: {reason.replace('|', '&#124;')} |")
    names = ("datasets", "pyarrow", "huggingface_hub", "numpy")
    print(f"\nPython {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}")


def main() -> int:
    """Try all, print a line for each and a table; 1 if a value is wrong, or the command failed in no sentence."""
    parser = argparse.ArgumentParser(description="Publish loading scripts with their sample data, and compare.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="by default all")
    parser.add_argument("--jobs", type=int, default=2, help="scripts at a time (default: %(default)s)")
    parser.add_argument("--configs", type=int, default=3, help="of each script, at most (default: %(default)s)")
    parser.add_argument("--results", type=Path, help="a file of JSON lines; scripts that stand in it are done")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folders = [path for path in sorted(folder.iterdir()) if (path / f"{path.name}.py").is_file()]
    folders = [path for path in folders if any((path / "dummy").rglob("dummy_data.zip"))]
    folders = [path for path in folders if not options.names or path.name in options.names]
    kept = options.results.read_text().splitlines() if options.results and options.results.exists() else []
    results = [Result(**json.loads(line)) for line in kept]
    done = {result.name for result in results}
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(options.jobs) as pool:
        os.environ.update(HF_HOME=home, TMPDIR=home, HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
        multiprocessing.set_forkserver_preload(["publisher.cli.commands", "publisher.publish"])
        waiting = [path for path in folders if path.name not in done]
        for task in as_completed([pool.submit(in_a_process, path, options.configs) for path in waiting]):
            result = task.result()
            results.append(result)
            print(f"{result.name}: {result.status}{f': {result.reason}' if result.reason else ''}", flush=True)
            if options.results:
                with options.results.open("a") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
    print_table(sorted(results, key=lambda result: result.name))
    return 1 if any(result.status in (DIFFERENT, FAULT) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
