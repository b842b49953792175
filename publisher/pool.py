"""Work on parts, one after the other or in several processes, with progress."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from publisher.errors import WorkerError
from publisher.parts import Part
from publisher.shell import quieten

T = TypeVar("T")

QUIET = 60.0  # seconds between lines of progress where there is no terminal


def work_on(parts: Sequence[Part], work: Callable[[Part], T], workers: int, done: int = 0) -> list[T]:
    """Do the work on each part.

    Parameters
    ----------
    parts : sequence of Part
    work : callable
        Can be pickled.
    workers : int
        Processes; 1 works in this one.
    done : int, optional
        Rows that were done before: progress starts there.

    Returns
    -------
    list
        What `work` returned, in the order of the parts.

    Raises
    ------
    WorkerError
        If a process was killed. What `work` raises stops all of it.
    """
    results: dict[int, T] = {}
    terminal = bool(sys.stderr and sys.stderr.isatty())
    with (
        Path(os.devnull).open("w") as nowhere,
        tqdm(
            total=done + sum(part.rows for part in parts),
            initial=done,
            unit=" rows",
            unit_scale=True,
            smoothing=0,  # parts come seldom: the rate is that since the start
            file=sys.stderr if terminal else nowhere,
            leave=False,
        ) as bar,
    ):
        said = time.monotonic()
        for index, result in _results(parts, work, workers, bar):
            results[index] = result
            bar.update(parts[index].rows)
            if not terminal and sys.stderr and time.monotonic() - said >= QUIET:
                print(bar, file=sys.stderr)
                said = time.monotonic()
    return [results[index] for index in range(len(parts))]


def _results(parts: Sequence[Part], work: Callable[[Part], T], workers: int, bar: tqdm) -> Iterator[tuple[int, T]]:
    """The results as they come, each with the place of its part."""
    workers = min(workers, len(parts))
    if workers <= 1:
        yield from ((index, work(part)) for index, part in enumerate(parts))
        return
    context = get_context("spawn")  # a fork would copy the threads and connections of the libraries
    line, end = context.Pipe(duplex=False)
    with ProcessPoolExecutor(workers, context, _start, (line,)) as pool:
        try:
            waiting = {pool.submit(work, part): index for index, part in enumerate(parts)}
            while waiting:
                for future in wait(waiting, timeout=1, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
                bar.refresh()  # the clock goes on
        except BrokenProcessPool:
            raise WorkerError(
                "a worker was killed, perhaps for lack of memory: run the same again, with fewer --workers if it was so"
            ) from None
        finally:
            end.close()
            pool.shutdown(cancel_futures=True)


def _start(line: Connection) -> None:
    """A worker ends, in the middle of a part, when the line is cut: by the first process, or by its death."""
    quieten()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one tells the others

    def watch() -> None:
        with contextlib.suppress(EOFError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
