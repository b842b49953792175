"""The sharded stream: pieces that depend on nothing, of the distribution of the authors' stream."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets.distributed import split_dataset_by_node
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generator import Parameters, make_dataset, make_shard
from generator.sharded import SHARD_ROWS, count_shards, split_rows
from generator.signals import interpolate
from generator.subsampling import subsampled_noise
from mnist1d import Mnist1D
from tests.golden import ROOT

SURE = 5.5  # standard errors: a comparison of two fair draws fails once in 26 million
VARIANTS: list[dict[str, Any]] = [
    {},
    {"padding": (84, 132), "max_translation": 120, "final_seq_length": 80},
    {"padding": (0, 0), "max_translation": 1},
    {"max_translation": 72, "final_seq_length": 121},
    {"scale_coeff": 1.5, "iid_noise_scale": 0.3, "corr_noise_scale": 0},
    {"template_len": 5, "padding": (3, 9), "final_seq_length": 7, "max_translation": 9},
    {"final_seq_length": 72, "iid_noise_scale": 0.3, "max_translation": 20},
]


def sharded(**changed: Any) -> tuple[np.ndarray, np.ndarray]:
    """One whole shard."""
    return make_shard(Parameters(num_samples=2 * SHARD_ROWS, train_split=0.5, **changed), "train", 0)


@pytest.mark.parametrize("changed", VARIANTS, ids=str)
def test_population_moments(changed: dict[str, Any]) -> None:
    """A large draw, normalised by them, has mean 0 and standard deviation 1 to within its sampling error."""
    x, _ = sharded(**changed)
    means = x.mean(axis=1)
    assert abs(means.mean()) < SURE * means.std() / np.sqrt(len(x))
    squares = (x**2).mean(axis=1)
    assert abs(squares.mean() - 1) < SURE * squares.std() / np.sqrt(len(x))


@settings(max_examples=100)
@given(length=st.integers(2, 150), points=st.integers(2, 150))
@example(length=144, points=80)
@example(length=72, points=72)
@example(length=72, points=71)
@example(length=72, points=73)
def test_subsampled_noise(length: int, points: int) -> None:
    """The covariance of interpolated white noise, as linear algebra: both are linear in their normals."""
    plain = interpolate(np.eye(length), points)
    short = subsampled_noise(np.eye(min(length, points)), length, points)
    np.testing.assert_allclose(short.T @ short, plain.T @ plain, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("changed", VARIANTS[:2], ids=str)
def test_same_distribution(changed: dict[str, Any]) -> None:
    """Against the authors' stream: means and covariances of the points, and quantiles of every digit."""
    x, y = sharded(**changed)
    theirs = make_dataset(Parameters(num_samples=len(x), train_split=1, **changed))
    a, b = theirs.x, theirs.y
    error = np.sqrt(x.var(axis=0) / len(x) + a.var(axis=0) / len(a))
    # the authors' samples have mean 0 and std 1 themselves; that moves them by as much as their mean and std err
    assert np.all(np.abs(x.mean(axis=0) - a.mean(axis=0)) < SURE * error * np.sqrt(2))
    products = [(values[:, :, None] * values[:, None, :]).reshape(len(values), -1) for values in (x[::10], a[::10])]
    error = np.sqrt(sum(values.var(axis=0) / len(values) for values in products))
    assert np.all(np.abs(products[0].mean(axis=0) - products[1].mean(axis=0)) < SURE * error * np.sqrt(2))
    for digit in range(10):
        one, two = np.sort(x[y == digit], axis=0), np.sort(a[b == digit], axis=0)
        for quantile in (0.1, 0.5, 0.9):
            # the place of a quantile in the other sample is binomial
            value = one[int(quantile * len(one))]
            place = (two < value).mean(axis=0)
            error = np.sqrt(quantile * (1 - quantile) * (1 / len(one) + 1 / len(two)))
            assert np.all(np.abs(place - quantile) < SURE * error + 0.001)


def test_independent_of_everything_else() -> None:
    """A shard is the same alone, after others, and in a larger dataset; a short one begins like the whole."""
    small, large = Parameters(num_samples=250_000), Parameters(num_samples=2_500_000)
    first = make_shard(small, "train", 1)
    make_shard(small, "train", 0)
    for again in (make_shard(small, "train", 1), make_shard(large, "train", 1)):
        for one, two in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, two)
    for p, split, index in [(large, "train", 0), (large, "test", 1), (replace(large, seed=43), "train", 1)]:
        assert not np.any(np.all(make_shard(p, split, index)[0][:1000] == first[0][:1000], axis=1))
    short, whole = make_shard(Parameters(num_samples=1000), "train", 0), sharded()
    for part, array in zip(short, whole, strict=True):
        np.testing.assert_array_equal(part, array[:800])
    assert np.bincount(whole[1]).tolist() == [SHARD_ROWS // 10] * 10  # each digit equally often, in no order
    assert len(set(whole[1][:40].tolist())) > 5


def test_one_order_of_the_points() -> None:
    """`shuffle_seq` puts the points of all splits and shards in one order, and changes nothing else."""
    orders = []
    for split in ("train", "test"):
        plain, _ = make_shard(Parameters(num_samples=1000), split, 0)
        mixed, _ = make_shard(Parameters(num_samples=1000, shuffle_seq=True), split, 0)
        orders.append([int(np.flatnonzero((plain == column[:, None]).all(axis=0))[0]) for column in mixed.T])
    assert sorted(orders[0]) == list(range(40))
    assert orders[0] == orders[1] != list(range(40))


@settings(max_examples=30)
@given(num_samples=st.integers(10, 10**11), train_split=st.floats(0, 1))
def test_rows_add_up(num_samples: int, train_split: float) -> None:
    """Train and test have `num_samples` rows together, for any number."""
    parameters = Parameters(num_samples=num_samples, train_split=train_split)
    rows = {split: split_rows(parameters, split) for split in ("train", "test")}
    assert sum(rows.values()) == num_samples
    assert all(count_shards(parameters, split) == -(-count // SHARD_ROWS) for split, count in rows.items())


def test_largest() -> None:
    """The last shard of the most rows is drawn as soon as any; for other shards a message says what is allowed."""
    parameters = Parameters(num_samples=10**11)
    x, y = make_shard(parameters, "train", count_shards(parameters, "train") - 1)
    assert len(x) == len(y) == SHARD_ROWS
    assert not np.any(np.all(x[:1000] == sharded()[0][:1000], axis=1))
    for split, index, words in [("all", 0, "train or test"), ("train", 1, "1 shards"), ("test", -1, "index=-1")]:
        with pytest.raises(ValueError, match=words):
            make_shard(Parameters(num_samples=1000), split, index)


PREPARE = """
import sys
from mnist1d import Mnist1D

if __name__ == "__main__":
    builder = Mnist1D("default", stream="sharded", num_samples=220_000, seed=7, cache_dir=sys.argv[1])
    builder.download_and_prepare(num_proc=2)
"""


def test_builder(tmp_path: Path) -> None:
    """The same rows from several processes, in the order of the shards, in a cache of the stream's own."""
    # In another process: `datasets` forks its workers, which may hang if other tests have started threads.
    subprocess.run([sys.executable, "-c", PREPARE, str(tmp_path)], cwd=ROOT, check=True, timeout=300)
    p = Parameters(num_samples=220_000, seed=7)
    builder = Mnist1D("default", stream="sharded", parameters=p, cache_dir=str(tmp_path))
    assert builder.cache_dir != Mnist1D("default", parameters=p, cache_dir=str(tmp_path)).cache_dir
    for split, shards in (("train", 2), ("test", 1)):
        rows = builder.as_dataset(split=split).with_format("numpy", dtype=None)[:]
        expected = zip(*(make_shard(p, split, index) for index in range(shards)), strict=True)
        for column, arrays in zip("xy", expected, strict=True):
            np.testing.assert_array_equal(rows[column], np.concatenate(arrays))


def test_streaming_from_any_shard_and_resumed() -> None:
    """A stream of ten billion rows starts at once, anywhere, and goes on where it was."""
    p = Parameters(num_samples=10**10, train_split=1)
    endless = Mnist1D(stream="sharded", parameters=p).as_streaming_dataset(split="train")
    far = split_dataset_by_node(endless, rank=90_000, world_size=count_shards(p, "train"))
    x, y = make_shard(p, "train", 90_000)
    rows = iter(far)
    for place in range(3):
        row = next(rows)
        np.testing.assert_array_equal(row["x"], x[place])
        assert row["y"] == y[place]
    far.load_state_dict(far.state_dict())
    np.testing.assert_array_equal(next(iter(far))["x"], x[3])
    with pytest.raises(ValueError, match="authors or sharded"):
        Mnist1D("default", stream="theirs")
