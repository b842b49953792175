"""The card's pictures: all there, all shown, readable, small, true to the data, and the same when drawn again."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from card import CARD
from generator import make_dataset
from generator.anatomy import first_rows, take_apart
from mnist1d import Mnist1D, load_arrays
from tools.figures.embedding import CACHE, MNIST_FILE
from tools.figures.sources import SOURCES

ASSETS = sorted(CARD.assets.iterdir()) if CARD.assets else []
ANIMATION = "transformations.gif"
CONFIGS = list(Mnist1D.builder_configs)
PICTURE = re.compile(r"!\[(?P<alt>.*?)\]\((?P<link>.*?)\)", re.DOTALL)


def test_all_are_shown_and_there(built: Path) -> None:
    """Each link of the card leads to a picture, each picture is linked once, and says in words what it shows."""
    pictures = PICTURE.findall((built / "README.md").read_text(encoding="utf-8"))
    assert sorted(link for _, link in pictures) == [f"assets/{path.name}" for path in ASSETS]
    assert all((built / link).read_bytes() for _, link in pictures)
    assert all(len(alt.split()) > 7 for alt, _ in pictures)


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_readable(path: Path) -> None:
    """Sharp on a page of 800 points, and with an opaque background, so that a dark page changes nothing."""
    with Image.open(path) as image:
        assert image.width >= 1200
        assert "transparency" not in image.info
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_up_to_date(path: Path) -> None:
    """It was drawn from what is declared now; if not, run `python -m tools.figures`."""
    with Image.open(path) as image:
        comment = image.info.get("comment") or image.info["Comment"]
    assert (comment.decode() if isinstance(comment, bytes) else comment) == repr(SOURCES[path.name])


def test_small() -> None:
    """Quick to load, all together."""
    assert sum(path.stat().st_size for path in ASSETS) < 1_500_000


def test_animation_moves() -> None:
    """It has many frames, stops between the steps, and plays for ever."""
    path = next(path for path in ASSETS if path.name == ANIMATION)
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as image:
        durations = []
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            durations.append(image.info["duration"])
        assert len(durations) > 50
        assert sum(duration >= 500 for duration in durations) == 9
        assert image.info["loop"] == 0


@pytest.mark.parametrize("name", CONFIGS)
def test_taken_apart_as_published(name: str) -> None:
    """Pictures show the content of the files."""
    parameters = Mnist1D.builder_configs[name].parameters
    x, y = load_arrays(name, split="train+test")
    parts = take_apart(parameters)
    np.testing.assert_array_equal(parts.labels, y)
    np.testing.assert_allclose((parts.x - parts.x.mean()) / parts.x.std(), x, rtol=0, atol=1e-12)
    some = take_apart(parameters, first_rows(y, 1)[:, 0])
    np.testing.assert_array_equal(some.labels, np.arange(10))
    np.testing.assert_array_equal(some.x, parts.x[first_rows(y, 1)[:, 0]])


@pytest.mark.parametrize("name", CONFIGS)
def test_span_is_where_the_digit_is(name: str) -> None:
    """The shaded points are those that are not zero in the same samples drawn without noise and shear."""
    parameters = Mnist1D.builder_configs[name].parameters
    quiet = make_dataset(replace(parameters, corr_noise_scale=0, iid_noise_scale=0, shear_scale=0))
    x = np.concatenate([quiet.x, quiet.x_test])
    values, counts = np.unique(x, return_counts=True)
    zero = values[counts.argmax()]  # moved, as all values, when the dataset was brought to mean 0
    span = take_apart(parameters).span
    shown = x != zero
    assert not (shown & ~span).any()
    assert (span & ~shown).sum(axis=1).max() <= 1  # where the end of the digit falls on a point, but for rounding
    least = parameters.template_len / parameters.signal_length  # of the signal, with the most padding
    assert span.sum(axis=1).min() >= int(least * parameters.final_seq_length)


def test_tsne_is_of_these_data() -> None:
    """The kept embedding was made of the published samples, and that of MNIST has as many."""
    x, _ = load_arrays(split="train+test")
    with np.load(CACHE) as kept:
        assert str(kept["made_of"]) == hashlib.sha256(x.tobytes()).hexdigest()
        assert kept["embedding"].shape == (len(x), 2)
    with np.load(MNIST_FILE) as kept:
        assert kept["embedding"].shape == (len(kept["labels"]), 2) == (len(x), 2)


def test_without_matplotlib() -> None:
    """One sentence that says what to install."""
    program = "import sys; sys.modules['matplotlib'] = None\nfrom tools.figures.__main__ import main\nsys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "[figures]" in ended.stderr


@pytest.mark.slow
def test_same_bytes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn again, by a user with other settings, every picture is as it was committed."""
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra [figures]")
    from tools.figures.files import draw_all
    from tools.figures.style import tools

    stills = [path for path in ASSETS if path.suffix == ".png"]
    for path in stills:
        with Image.open(path) as image:
            drawn_with = image.info["Software"]
        if drawn_with != tools():
            pytest.skip(f"{path.name} was drawn with {drawn_with}; here is {tools()}")
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9)
    monkeypatch.setitem(matplotlib.rcParams, "font.family", ["serif"])
    drawn = list(draw_all(tmp_path))
    assert sorted(path.name for path in drawn) == [path.name for path in ASSETS]
    for path in ASSETS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
