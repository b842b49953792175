"""The card's pictures: all there, all shown, readable, small, true to the data, and the same when drawn again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from card import CARD
from generator import make_dataset
from generator.anatomy import first_rows, take_apart
from mnist1d import Mnist1D, load_arrays
from tools.figures.embedding import CACHE, MNIST_FILE
from tools.figures.sources import SOURCES

ASSETS = sorted(CARD.assets.iterdir()) if CARD.assets else []
CONFIGS = list(Mnist1D.builder_configs)
PICTURE = re.compile(r"!\[(?P<alt>.*?)\]\((?P<link>.*?)\)", re.DOTALL)


def test_all_are_shown_and_there(built: Path) -> None:
    """Each link of the card leads to a picture, each picture is linked once, and says in words what it shows."""
    pictures = PICTURE.findall((built / "README.md").read_text(encoding="utf-8"))
    assert sorted(link for _, link in pictures) == [f"assets/{path.name}" for path in ASSETS]
    assert all((built / link).read_bytes() for _, link in pictures)
    assert all(len(alt.split()) > 7 for alt, _ in pictures)
    assert sum(path.stat().st_size for path in ASSETS) < 1_500_000


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_picture(path: Path) -> None:
    """Sharp on a page of 800 points, opaque for dark pages, and drawn from what is declared now.

    If not, run `python -m tools.figures`.
    """
    with Image.open(path) as image:
        assert image.width >= 1200
        assert "transparency" not in image.info
        comment = image.info.get("comment") or image.info["Comment"]
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        assert (comment.decode() if isinstance(comment, bytes) else comment) == repr(SOURCES[path.name])
        if path.suffix == ".gif":  # many frames, stops between the steps, for ever
            durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
            assert len(durations) > 50
            assert sum(duration >= 500 for duration in durations) == 9
            assert image.info["loop"] == 0


@pytest.mark.parametrize("name", CONFIGS)
def test_taken_apart_as_published(name: str) -> None:
    """Pictures show the published samples; shaded points are those that noise and shear leave at zero elsewhere."""
    parameters = Mnist1D.builder_configs[name].parameters
    x, y = load_arrays(name, split="train+test")
    parts = take_apart(parameters)
    np.testing.assert_array_equal(parts.labels, y)
    np.testing.assert_allclose((parts.x - parts.x.mean()) / parts.x.std(), x, rtol=0, atol=1e-12)
    firsts = first_rows(y, 1)[:, 0]
    np.testing.assert_array_equal(y[firsts], np.arange(10))
    np.testing.assert_array_equal(take_apart(parameters, firsts).x, parts.x[firsts])
    quiet = make_dataset(replace(parameters, corr_noise_scale=0, iid_noise_scale=0, shear_scale=0))
    x = np.concatenate([quiet.x, quiet.x_test])
    values, counts = np.unique(x, return_counts=True)
    zero = values[counts.argmax()]  # moved, as all values, when the dataset was brought to mean 0
    span, shown = parts.span, x != zero
    assert not (shown & ~span).any()
    assert (span & ~shown).sum(axis=1).max() <= 1  # where the end of the digit falls on a point, but for rounding
    least = parameters.template_len / parameters.signal_length  # of the signal, with the most padding
    assert span.sum(axis=1).min() >= int(least * parameters.final_seq_length)


def test_tsne_is_of_these_data() -> None:
    """The kept embedding was made of the published samples, and the one of MNIST has as many."""
    x, _ = load_arrays(split="train+test")
    with np.load(CACHE) as kept:
        assert str(kept["made_of"]) == hashlib.sha256(x.tobytes()).hexdigest()
        assert kept["embedding"].shape == (len(x), 2)
    with np.load(MNIST_FILE) as kept:
        assert kept["embedding"].shape == (len(kept["labels"]), 2) == (len(x), 2)


@pytest.mark.slow
def test_same_bytes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn again, by a user with other settings, every picture is as it was committed."""
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra [figures]")
    from tools.figures.files import draw_all
    from tools.figures.style import tools

    for path in [path for path in ASSETS if path.suffix == ".png"]:
        with Image.open(path) as image:
            if (drawn_with := image.info["Software"]) != tools():
                pytest.skip(f"{path.name} was drawn with {drawn_with}; here is {tools()}")
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9)
    monkeypatch.setitem(matplotlib.rcParams, "font.family", ["serif"])
    assert sorted(path.name for path in draw_all(tmp_path)) == [path.name for path in ASSETS]
    for path in ASSETS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
