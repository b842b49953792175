"""Work on pieces of a dataset, one after the other or in several processes, with progress."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeVar

from tqdm import tqdm

from publisher.errors import WorkerError


class Piece(Protocol):
    """Something to work on, and how much of it there is."""

    @property
    def unit(self) -> str:
        """What is counted."""
        ...

    @property
    def amount(self) -> int:
        """How many of these."""
        ...


P = TypeVar("P", bound=Piece)
T = TypeVar("T")

QUIET = 60.0  # seconds between lines of progress where there is no terminal


def work_on(pieces: Sequence[P], work: Callable[[P], T], workers: int, done: int = 0) -> list[T]:
    """Do the work on each piece.

    Parameters
    ----------
    pieces : sequence of Piece
    work : callable
        Can be pickled.
    workers : int
        Processes; 1 works in this one.
    done : int, optional
        What was done before: progress starts there.

    Returns
    -------
    list
        What `work` returned, in the order of the pieces.

    Raises
    ------
    WorkerError
        If a process was killed. What `work` raises stops all of it.
    """
    results: dict[int, T] = {}
    terminal = bool(sys.stderr and sys.stderr.isatty())
    total = done + sum(piece.amount for piece in pieces)
    with (
        Path(os.devnull).open("w") as nowhere,
        tqdm(
            total=total,
            initial=done,
            unit=pieces[0].unit if pieces else "",
            unit_scale=total >= 1000,
            smoothing=0,  # pieces come seldom: the rate is that since the start
            file=sys.stderr if terminal else nowhere,
            leave=False,
        ) as bar,
    ):
        said = time.monotonic()
        for index, result in _results(pieces, work, workers, bar):
            results[index] = result
            bar.update(pieces[index].amount)
            if not terminal and sys.stderr and time.monotonic() - said >= QUIET:
                print(bar, file=sys.stderr)
                said = time.monotonic()
    return [results[index] for index in range(len(pieces))]


def _results(pieces: Sequence[P], work: Callable[[P], T], workers: int, bar: tqdm) -> Iterator[tuple[int, T]]:
    """The results as they come, each with the place of its piece."""
    workers = min(workers, len(pieces))
    if workers <= 1:
        yield from ((index, work(piece)) for index, piece in enumerate(pieces))
        return
    context = get_context("spawn")  # a fork would copy the threads and connections of the libraries
    line, end = context.Pipe(duplex=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(workers, context, _start, (line, folder)) as pool,
    ):
        try:
            waiting = {pool.submit(work, piece): index for index, piece in enumerate(pieces)}
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


def _start(line: Connection, folder: str) -> None:
    """A worker ends, in the middle of a piece, when the line is cut: by the first process, or by its death.

    Whatever it has not removed by then lies in `folder`, which the first process removes.
    """
    quieten()
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one tells the others

    def watch() -> None:
        with contextlib.suppress(EOFError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def quieten() -> None:
    """Keep the libraries from logging: what they have to say comes as one sentence from here."""
    for library in ("datasets", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
