"""The sharded stream: samples of the same distribution as the authors', in pieces that need nothing of each other.

A shard comes from the parameters, the split and its index alone: where, when and in which order it is drawn makes no
difference. Samples are normalised by the mean and standard deviation of the population instead of the sample, so no
shard waits for another, and nothing of the test split leaks into train.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence

from generator.arrays import Floats, Integers
from generator.parameters import Parameters
from generator.population import population_moments
from generator.signals import Draws, interpolate, place_digits
from generator.subsampling import subsampled_noise
from generator.templates import get_templates

SHARD_ROWS = 100_000
CHUNK_VALUES = 1 << 18  # points of signals and samples drawn at a time: a quarter of it takes an eighth longer
KEPT_BYTES = 1 << 24  # more than all arrays of a chunk
SPLITS = ("train", "test")  # their places are part of the seeds


def split_rows(parameters: Parameters, split: str) -> int:
    """Rows of a split: train and test together have exactly `num_samples`.

    Examples
    --------
    >>> [split_rows(Parameters(num_samples=1_000_003), split) for split in SPLITS]
    [800002, 200001]
    """
    train = int(parameters.num_samples * parameters.train_split)
    return {"train": train, "test": parameters.num_samples - train}[split]


def count_shards(parameters: Parameters, split: str) -> int:
    """Shards of a split; the last may be cut short.

    Examples
    --------
    >>> count_shards(Parameters(num_samples=1_000_003), "train")
    9
    """
    return -(-split_rows(parameters, split) // SHARD_ROWS)


def make_shard(parameters: Parameters, split: str, index: int) -> tuple[Floats, Integers]:
    """One shard of a split.

    Parameters
    ----------
    parameters : Parameters
    split : str
        "train" or "test".
    index : int
        From 0 to `count_shards(parameters, split) - 1`.

    Returns
    -------
    x : (rows, final_seq_length) float64
    y : (rows,) int64
        Every digit equally often in a whole shard, in random order. A shard that `num_samples` cuts short has the first
        rows of the whole one.

    Raises
    ------
    ValueError
        If the split or the index is not allowed.

    Notes
    -----
    The normals are NumPy's, which use the platform's `exp` and `log1p`. The bytes were equal wherever they were tried
    (x86-64, aarch64, s390x, ppc64el, riscv64, loong64, armhf, musl, WebAssembly) but on 32-bit x86, where 72 of 14.8
    million values differ by up to 9e-16.

    Examples
    --------
    >>> x, y = make_shard(Parameters(num_samples=1000, seed=7), "test", 0)
    >>> x.shape, y.shape
    ((200, 40), (200,))
    """
    x, y = zip(*draw_shard(parameters, split, index), strict=True)
    return np.concatenate(x), np.concatenate(y)


def draw_shard(parameters: Parameters, split: str, index: int) -> Iterator[tuple[Floats, Integers]]:
    """Draw the rows of `make_shard`, a few at a time."""
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is not allowed: give {' or '.join(SPLITS)}")
    if index not in range(count := count_shards(parameters, split)):
        raise ValueError(f"index={index!r} is not allowed: split {split} has {count} shards, counted from 0")
    rows = min(SHARD_ROWS, split_rows(parameters, split) - index * SHARD_ROWS)
    _keep_memory()
    random = _random(parameters, SPLITS.index(split), index)
    templates = get_templates()["x"]
    mean, std = population_moments(parameters)
    order = _point_order(parameters)

    labels = (random.permutation(SHARD_ROWS) % len(templates)).astype(np.int64, copy=False)  # int32 on 32 bits
    low, high = parameters.padding
    pads = random.integers(low, high + 1, SHARD_ROWS)
    scales = 1 + parameters.scale_coeff * (random.random(SHARD_ROWS) - 0.5)
    shifts = random.integers(0, parameters.max_translation, SHARD_ROWS)
    shears = parameters.shear_scale * (random.random(SHARD_ROWS) - 0.5)

    length, points = parameters.signal_length, parameters.final_seq_length
    chunk = max(1, CHUNK_VALUES // (length + points))
    for start in range(0, rows, chunk):
        here = slice(start, min(start + chunk, rows))
        normals = random.standard_normal((here.stop - start, length + min(length, points)))
        correlated, white = normals[:, :length], normals[:, length:]
        draws = Draws(pads[here], scales[here], shifts[here], correlated, white, shears[here])
        x = _make_samples(parameters, templates, labels[here], draws)
        x -= mean
        x /= std
        yield np.ascontiguousarray(x[:, order]) if parameters.shuffle_seq else x, labels[here]


def _make_samples(parameters: Parameters, templates: Floats, labels: Integers, draws: Draws) -> Floats:
    """Do as `make_signals`, but add white noise and slope after the interpolation, which keeps them: fewer points."""
    length, points = parameters.signal_length, parameters.final_seq_length
    samples = interpolate(place_digits(parameters, templates, labels, draws), points)
    samples += parameters.iid_noise_scale * subsampled_noise(draws.white, length, points)
    samples -= draws.shears[:, None] * np.linspace(-0.5, 0.5, points)
    return samples


def _keep_memory() -> None:
    """Let glibc keep the memory of a chunk for the next one, as it does once so large a block was freed.

    Else it returns the memory to the system after every chunk, and the page faults take two fifths of the time. Source:
    M_MMAP_THRESHOLD in mallopt(3). Other allocators are not impressed.
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)


def _random(parameters: Parameters, *key: int) -> Generator:
    return Generator(SFC64(SeedSequence(parameters.seed, spawn_key=key)))  # the fastest of NumPy's for normals


def _point_order(parameters: Parameters) -> Integers:
    """The order of the points in all samples if `shuffle_seq`: one for all splits and shards."""
    return _random(parameters, len(SPLITS)).permutation(parameters.final_seq_length)
