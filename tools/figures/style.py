"""The look of all pictures, and their files, whose bytes are the same from run to run."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
import PIL
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

# Colours of Okabe and Ito, which can be distinguished with every kind of colour blindness; the background is opaque, so
# that they look the same on a dark page. https://jfly.uni-koeln.de/color/
BLUE, ORANGE, BLACK = "#0072B2", "#E69F00", "#000000"
INK, LINE, PALE, SHADE = "#1F2937", "#4B5563", "#D1D5DB", "#FBE3B0"
WIDTH = 8  # inches, of 100 points on a page of 800
SHARP = 200  # dots per inch: two for a point of the page, as sharp screens have
COLOURS = 128  # of a file: looks the same as millions, and is a third of the bytes

STYLE = {
    "font.family": ["DejaVu Sans"],  # ships with matplotlib
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": PALE,
    "axes.linewidth": 0.8,
    "axes.titlesize": 10,
    "axes.titlepad": 4,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's are."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def new_figure(height: float, dpi: int = SHARP) -> Figure:
    """A white page, 800 points wide and 100 times `height` points high."""
    figure = Figure(figsize=(WIDTH, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Take ticks off, leave the frame."""
    axes.set(xticks=[], yticks=[])


def rasterise(figure: Figure) -> Image.Image:
    """The pixels of a figure: RGB."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return Image.fromarray(pixels).convert("RGB")


def save_png(figure: Figure, path: Path, comment: str) -> None:
    """Write a figure with a palette, and in place of the time a comment and what it was drawn with."""
    image = rasterise(figure).quantize(COLOURS, dither=Image.Dither.NONE)
    info = PngInfo()
    info.add_text("Software", tools())
    info.add_text("Comment", comment)
    image.save(path, optimize=True, pnginfo=info)


def tools() -> str:
    """Versions that the bytes of a picture depend on, apart from the data."""
    return f"matplotlib {matplotlib.__version__}, Pillow {PIL.__version__}, {platform.machine()}"
