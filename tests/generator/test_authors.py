"""Datasets: the authors' published data to the bit, and any other equal to the plain reference."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generator import Parameters, get_templates, make_dataset
from generator.logarithm import log
from tests.golden import ARRAYS, EQUAL_POINTS, PARAMETER_SETS, ROOT, SHA256, digest_of
from tests.reference import library_normals, make_reference, polar_normals

AUTHORS_FILE = ROOT.parent / "shared" / "authors" / "mnist1d_data.pkl"


def varied(p: Parameters) -> bool:
    """Return True if the points surely differ: by noise or slope, or because enough of them lie in the digits."""
    return p.iid_noise_scale + p.shear_scale > 0 or min(p.final_seq_length, p.signal_length) > 20


scales = st.just(0.0) | st.floats(0.01, 2)
parameters = st.builds(
    Parameters,
    num_samples=st.integers(10, 99),
    train_split=st.sampled_from([0.0, 1.0]) | st.floats(0, 1),
    template_len=st.integers(2, 60),
    padding=st.just((0, 0)) | st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: tuple(sorted(pair))),
    max_translation=st.just(1) | st.integers(2, 130) | st.sampled_from([2**16, 2**31 + 1, 2**32]),
    **dict.fromkeys(("scale_coeff", "corr_noise_scale", "iid_noise_scale", "shear_scale"), scales),
    shuffle_seq=st.booleans(),
    final_seq_length=st.integers(2, 120),
    seed=st.integers(0, 2**32 - 1),
).filter(varied)


@pytest.mark.parametrize("name", PARAMETER_SETS)
def test_digests(name: str) -> None:
    """Six parameter sets have the golden digests, and the shapes, types and memory order that these stand for."""
    data = make_dataset(p := Parameters(**PARAMETER_SETS[name]))
    assert digest_of(data) == SHA256[name]
    train = int(p.num_samples * p.train_split)
    for split, rows in (("", train), ("_test", p.num_samples - train)):
        x, y = data["x" + split], data["y" + split]
        assert (x.shape, x.dtype, x.flags.c_contiguous) == ((rows, p.final_seq_length), np.float64, True)
        assert (y.shape, y.dtype, y.flags.c_contiguous) == ((rows,), np.int64, True)
    assert data.t.shape == (p.final_seq_length,)
    assert data.t.dtype == np.float64


def test_defaults_are_the_published_data() -> None:
    """Without parameters, the authors' own file, value for value."""
    data = make_dataset()
    assert digest_of(data) == SHA256["default"]
    for name, array in get_templates().items():
        np.testing.assert_array_equal(data.templates[name], array)
    if not AUTHORS_FILE.exists():
        pytest.skip("the authors' mnist1d_data.pkl is not in ../shared/authors")
    published = pickle.loads(AUTHORS_FILE.read_bytes())  # a trusted file
    for name in ARRAYS:
        np.testing.assert_array_equal(data[name], published[name], strict=True)
    for name, array in data.templates.items():
        np.testing.assert_array_equal(array, published["templates"][name])


@given(parameters)
@example(Parameters(num_samples=2000))  # many blocks of words
@example(Parameters(num_samples=10, template_len=12_000))  # a sample longer than a block
@example(Parameters(num_samples=300, max_translation=65))  # about half of the shifts are rejected
@example(Parameters(num_samples=4100, template_len=2, padding=(0, 0), final_seq_length=2))  # just above a block of sums
@example(Parameters(num_samples=500, shuffle_seq=True))  # summed in the order of memory, not of the rows
@pytest.mark.filterwarnings("ignore::UserWarning")  # tested below
def test_equals_reference(p: Parameters) -> None:
    """Any dataset equals its definition to the bit with the same logarithm, else except for the last digits."""
    data = make_dataset(p)
    for normals, tolerance in ((polar_normals(log), 0), (library_normals, 1e-9)):
        x, y, t, split = make_reference(p, normals)
        for got, expected in [(data.x, x[:split]), (data.x_test, x[split:]), (data.t, t)]:
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
            assert got.flags.c_contiguous
        np.testing.assert_array_equal(np.concatenate([data.y, data.y_test]), y)


def test_warnings() -> None:
    """A warning at the caller's line, also of code without a module, says what the authors' code does silently."""
    with pytest.warns(UserWarning, match=r"^max_translation=73 is above the signal's 72 points[^\n]*$") as record:
        make_dataset(Parameters(num_samples=10, max_translation=73))
    assert [warning.filename for warning in record] == [__file__]
    with pytest.warns(UserWarning, match=r"^num_samples=25 gives 20 samples[^\n]*$"):
        exec("make_dataset(num_samples=25)", {"make_dataset": make_dataset})


def test_limits() -> None:
    """A translation by the whole signal is not warned of; equal points are refused, however rounding moves them."""
    assert len(make_dataset(Parameters(num_samples=10, max_translation=72)).x) == 8
    for num_samples in (10, 30, 5000):
        with pytest.raises(ValueError, match=r"^all points of all samples are equal: [^\n]*$"):
            make_dataset(Parameters(num_samples=num_samples, **EQUAL_POINTS))
