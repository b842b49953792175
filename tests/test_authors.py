"""The datasets: the authors' to the bit, and any other equal to the plain reference."""

import hashlib
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generator import Dataset, Parameters, get_templates, make_dataset
from generator.logarithm import log
from generator.moments import mean_and_std
from tests.reference import Normals, library_normals, make_reference, pairwise_sum, polar_normals

PARAMETER_SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "shuffled": {"shuffle_seq": True},
    "large-padding": {"padding": (84, 132), "max_translation": 120, "final_seq_length": 80},
    "double-descent": {"num_samples": 8000, "train_split": 0.5},
    "seed-0-small": {"seed": 0, "num_samples": 1000},
    "padding-60-100": {"padding": (60, 100), "max_translation": 100},
}
SHAPES = {  # train samples, test samples, points
    "default": (4000, 1000, 40),
    "shuffled": (4000, 1000, 40),
    "large-padding": (4000, 1000, 80),
    "double-descent": (4000, 4000, 40),
    "seed-0-small": (800, 200, 40),
    "padding-60-100": (4000, 1000, 40),
}
SHA256 = {  # of the little-endian bytes in C order
    "default": {
        "x": "76a0fc450d42c1bab3e99da3327c7735feb09f5236bec6fbaeaa1b9a41195252",
        "y": "d97dc7aecec8ad6b5d8f143ba3e9c4bd7e25c420d7dfc2eb990591cfc0ed3e15",
        "x_test": "546e12e851d831f762b6daf43956bc62fe233620cdec483f8789359f94c842d9",
        "y_test": "8de99be3ff9dab15ae0dc072c3d6ced7cf6b33d365888ce4a386fc944489452c",
        "t": "84b830bf54825bb3e0bc2f4152a3ec900578a3494e3ff53f1b3c7adacb69620b",
    },
    "shuffled": {
        "x": "482bfabb3991a24c07731fc3283f0b89d839834facb15657788198caf8ef9df8",
        "y": "d97dc7aecec8ad6b5d8f143ba3e9c4bd7e25c420d7dfc2eb990591cfc0ed3e15",
        "x_test": "2552d1c80fba52dcc154b6461974c90961d975ae9e6c68541ac70c92fd8e3d0a",
        "y_test": "8de99be3ff9dab15ae0dc072c3d6ced7cf6b33d365888ce4a386fc944489452c",
        "t": "84b830bf54825bb3e0bc2f4152a3ec900578a3494e3ff53f1b3c7adacb69620b",
    },
    "large-padding": {
        "x": "4bb003cc20ed2b7c00c0eb51ba2178fc899e205752d30985616b0c7a034d3e21",
        "y": "6e40dcccf51edd05bb4ff447e3e6f1e9cdcb63f1ae4a68f65c0a43ec2119f919",
        "x_test": "907438667322c4016a685dddf12b925a506048a27f944ee6a03f2543d620af96",
        "y_test": "c9dd8ad724c0cb4b8068bb31c8233801897a158fa79e90056ed2de284aa8def2",
        "t": "0a3ed50aa8089dbdccd7d595f758906e0bf66f24c87ac57a185dec8cd9a9f12f",
    },
    "double-descent": {
        "x": "80493098a1e13549aaf99c430956b1abae8a566e816e0a28ccbc777d94288eee",
        "y": "1f40d5c67dd5ae8d021503f39ac5a842ea55b27be4cc302573111b8604b49462",
        "x_test": "31f120b45c7a604c4e92703c3bb2dc3656b9611b31d9ef4eb488e349924e483b",
        "y_test": "95b81514724b03780983bcdae4984e43565c3f63faa76587423df2bd5ddfce7d",
        "t": "16381ecee5180e4addcd83bb3cc5edc78b80ed827f0cd28a2f06775e5a1352d1",
    },
    "seed-0-small": {
        "x": "521ab4acc0d29009cfb4526f181f8acea6316b8f68fa1d20c3213e07ca824976",
        "y": "5ad335e46faa36e90e85be4de3607bf3847948988696565e57a4260d3c42c6e2",
        "x_test": "065f629a1bbfb980e157da60bc6a4e94239f47ebe0da4012155edb4a1bffafa4",
        "y_test": "a2736b761a7bd9001a0af52ca6ff3a161a62877933ea3e1d6c8085d68cd043ea",
        "t": "97955f859d263d3d339892d9a11d4111744e2bb929909b56845c0466def5f828",
    },
    "padding-60-100": {
        "x": "9b3df655e32b4e29fab7c7d8f3c12a853f04c9d7a77ab87724a834fdab9c2b53",
        "y": "910f472e1693d51825f3f254a7374cab2732fc6b6e0324836f0eeca9e6bbcc21",
        "x_test": "a1d6f90ad0dcb26d1da7205b15bd1ca02660432355add818a34463562407f592",
        "y_test": "8653f301bc1668f960b3ae8cfc99fbd057e760c77a9ead1d62c98ece4c86884c",
        "t": "578d381615cf7573126ca5bde3b42b895d428975edd0686c4418949c01143db6",
    },
}
AUTHORS_FILE = Path(__file__).parents[2] / "shared" / "authors" / "mnist1d_data.pkl"
TRAIN_COUNTS = [398, 396, 411, 394, 394, 402, 401, 404, 402, 398]  # of each digit in the published train split
EQUAL_POINTS: dict[str, Any] = {  # the first and the last point of every template are the same
    "padding": (0, 0),
    "max_translation": 1,
    "final_seq_length": 2,
    "scale_coeff": 0,
    "corr_noise_scale": 0,
    "iid_noise_scale": 0,
    "shear_scale": 0,
}


def varied(p: Parameters) -> bool:
    """Whether the points surely differ: by noise or slope, or because enough of them lie in the digits."""
    return p.iid_noise_scale + p.shear_scale > 0 or min(p.final_seq_length, p.signal_length) > 20


scales = st.just(0.0) | st.floats(0.01, 2)
parameters = st.builds(
    Parameters,
    num_samples=st.integers(10, 99),
    train_split=st.sampled_from([0.0, 1.0]) | st.floats(0, 1),
    template_len=st.integers(2, 60),
    padding=st.just((0, 0)) | st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: tuple(sorted(pair))),
    scale_coeff=scales,
    max_translation=st.just(1) | st.integers(2, 130) | st.sampled_from([2**16, 2**31 + 1, 2**32]),
    corr_noise_scale=scales,
    iid_noise_scale=scales,
    shear_scale=scales,
    shuffle_seq=st.booleans(),
    final_seq_length=st.integers(2, 120),
    seed=st.integers(0, 2**32 - 1),
).filter(varied)


def little_endian(array: np.ndarray) -> bytes:
    """What the digests stand for, on big-endian machines too."""
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def digests(data: Dataset) -> dict[str, str]:
    """SHA-256 of each array."""
    return {name: hashlib.sha256(little_endian(data[name])).hexdigest() for name in ("x", "y", "x_test", "y_test", "t")}


@pytest.mark.parametrize("name", PARAMETER_SETS)
def test_digests(name: str) -> None:
    """Six parameter sets, the authors' file the first, equal the golden digests."""
    assert digests(make_dataset(Parameters(**PARAMETER_SETS[name]))) == SHA256[name]


@pytest.mark.parametrize("name", PARAMETER_SETS)
def test_shapes(name: str) -> None:
    """Arrays have the shapes, dtypes and the memory order that the digests stand for."""
    data = make_dataset(Parameters(**PARAMETER_SETS[name]))
    train, test, points = SHAPES[name]
    for array, shape, dtype in [
        (data.x, (train, points), np.float64),
        (data.y, (train,), np.int64),
        (data.x_test, (test, points), np.float64),
        (data.y_test, (test,), np.int64),
        (data.t, (points,), np.float64),
    ]:
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous


def test_defaults_are_the_published_file() -> None:
    """Without parameters comes the published dataset, its classes as unbalanced as there."""
    data = make_dataset()
    assert digests(data) == SHA256["default"]
    assert np.bincount(data.y).tolist() == TRAIN_COUNTS
    assert {name: array.tolist() for name, array in data.templates.items()} == {
        name: array.tolist() for name, array in get_templates().items()
    }


def test_authors_file() -> None:
    """The authors' own file, value for value."""
    if not AUTHORS_FILE.exists():
        pytest.skip("the authors' mnist1d_data.pkl does not lie beside the checkout")
    with AUTHORS_FILE.open("rb") as file:
        published = pickle.load(file)  # a trusted file: ours, and the digests above are made of its arrays
    data = make_dataset()
    for name in ("x", "y", "x_test", "y_test", "t"):
        np.testing.assert_array_equal(getattr(data, name), published[name], strict=True)
    for name, array in data.templates.items():
        np.testing.assert_array_equal(array, published["templates"][name])


def compare(p: Parameters, normals: Normals, tolerance: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the surprises that parameters may hold, tested below
        data = make_dataset(p)
    reference = make_reference(p, normals)
    split = reference.split
    np.testing.assert_array_equal(data.y, reference.y[:split])
    np.testing.assert_array_equal(data.y_test, reference.y[split:])
    for got, expected in [
        (data.x, reference.x[:split]),
        (data.x_test, reference.x[split:]),
        (data.t, reference.t),
    ]:
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        assert got.flags.c_contiguous


@given(parameters)
def test_equals_reference(p: Parameters) -> None:
    """Any dataset is that of the definition with NumPy's own normals, but for their last digits."""
    compare(p, library_normals, 1e-9)


@given(parameters)
@example(Parameters(num_samples=2000))  # many blocks of words
@example(Parameters(num_samples=10, template_len=12_000))  # a sample longer than a block
@example(Parameters(num_samples=300, max_translation=65))  # about half of the shifts are rejected
def test_equals_reference_to_the_bit(p: Parameters) -> None:
    """Any dataset is that of the definition to the bit, once both take the same logarithm."""
    compare(p, polar_normals(log), 0)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 500), points=st.integers(1, 100), turned=st.booleans())
@example(seed=0, rows=8192, points=1, turned=False)
@example(seed=0, rows=8193, points=1, turned=False)
@example(seed=0, rows=5000, points=40, turned=True)
def test_mean_and_std(seed: int, rows: int, points: int, turned: bool) -> None:
    """Mean and standard deviation are added up in one order, and in that of memory."""
    x = np.random.default_rng(seed).normal(1, 1, size=(rows, points))
    x = np.asfortranarray(x) if turned else x
    line = x.ravel(order="K")
    mean = pairwise_sum(line) / x.size
    assert mean_and_std(x) == (mean, np.sqrt(pairwise_sum((line - mean) ** 2) / x.size))


@settings(max_examples=20)
@given(parameters)
def test_same_twice(p: Parameters) -> None:
    """Parameters are all that a dataset depends on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert digests(make_dataset(p)) == digests(make_dataset(p))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_samples": 25}, r"^num_samples=25 gives 20 samples[^\n]*$"),
        ({"num_samples": 10, "max_translation": 73}, r"^max_translation=73 is above the signal's 72 points[^\n]*$"),
    ],
)
def test_warnings(changed: dict[str, Any], message: str) -> None:
    """What the authors' code does silently is told to the caller."""
    with pytest.warns(UserWarning, match=message) as record:
        make_dataset(Parameters(**changed))
    assert [warning.filename for warning in record] == [__file__]


def test_no_warning_at_the_limit() -> None:
    """A translation by up to the whole signal is no surprise, nor are multiples of ten."""
    assert len(make_dataset(Parameters(num_samples=10, max_translation=72)).x) == 8


def test_more_than_the_stream_numbers() -> None:
    """More rows than 32-bit words number are refused before anything is drawn; the message names the other stream."""
    with pytest.raises(ValueError, match=r"^num_samples=4294967297 [^\n]*4294967296[^\n]*sharded[^\n]*$"):
        make_dataset(Parameters(num_samples=2**32 + 1))


@pytest.mark.parametrize("num_samples", [10, 20, 30, 100, 1000, 5000])
def test_equal_points(num_samples: int) -> None:
    """Points that are all equal cannot be brought to standard deviation 1."""
    with pytest.raises(ValueError, match=r"^all points of all samples are equal: [^\n]*$"):
        make_dataset(Parameters(num_samples=num_samples, **EQUAL_POINTS))
