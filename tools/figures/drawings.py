"""The still pictures: each function draws one from data into a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from card.table import MNIST, Cell, Row, number
from generator import Parameters, make_dataset
from generator.anatomy import Anatomy, Mask, first_rows, take_apart
from generator.arrays import Floats, Integers
from tools.figures.embedding import CACHE, MNIST_FILE, embed
from tools.figures.style import BLACK, BLUE, INK, LINE, ORANGE, SHADE, bare, new_figure

ROWS = 2  # of samples
STEPS_DIGITS = (3, 5, 7)
DIAMOND: dict[str, Any] = {
    "marker": "D",
    "color": ORANGE,
    "markeredgecolor": BLACK,
    "markeredgewidth": 0.8,
    "markersize": 5.5,
    "linestyle": "none",
}


def draw_samples(parameters: Parameters) -> Figure:
    """The first samples of each digit in train, time downwards, with the digit's points shaded."""
    everything = take_apart(parameters)
    x = (everything.x - everything.x.mean()) / everything.x.std()
    chosen = first_rows(everything.labels, ROWS)
    points = parameters.final_seq_length
    high = 1.1 + 0.0135 * points  # inches a row: more points, more room
    figure = new_figure(0.4 + ROWS * high)
    grid = figure.subplots(ROWS, 10, gridspec_kw={"wspace": 0.07, "hspace": 0.045})
    figure.subplots_adjust(left=0.035, right=0.995, bottom=0.015, top=1 - 0.3 / figure.get_figheight())
    reach = np.abs(x[chosen]).max() * 1.1
    for (row, digit), axes in np.ndenumerate(grid):
        sample = chosen[digit, row]
        _draw_sample(axes, x[sample], everything.span[sample], in_time=not parameters.shuffle_seq)
        axes.set(xlim=(-reach, reach), ylim=(points - 0.2, -0.8))
        bare(axes)
        if row == 0:
            axes.set_title(str(digit), fontweight="bold")
    order = "time" if not parameters.shuffle_seq else "points in their new order"
    figure.supylabel(f"{order} \N{RIGHTWARDS ARROW}", rotation=-90, x=0.005, y=0.48, fontsize=9)
    return figure


def _draw_sample(axes: Axes, x: Floats, span: Mask, *, in_time: bool) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], span, [False]])))
    for first, end in edges.reshape(-1, 2):
        axes.axhspan(first - 0.5, end - 0.5, color=SHADE, linewidth=0)
    points = np.arange(len(x))
    axes.plot(x, points, color=LINE, linewidth=1)
    look = {"linewidth": 1.8, "markersize": 3.5} if in_time else {"linewidth": 0, "markersize": 6}
    axes.plot(np.where(span, x, np.nan), points, color=BLUE, marker=".", **look)


def draw_templates(source: tuple[str, Sequence[Sequence[float]]]) -> Figure:
    """A digit of MNIST each, and the ten templates, as twelve points and as lines."""
    x = np.array(source[1])
    with np.load(MNIST_FILE) as mnist:
        images = mnist["digits"]
    figure = new_figure(3.45)
    grid = figure.subplots(3, 10, gridspec_kw={"wspace": 0.07, "hspace": 0.06, "height_ratios": [0.72, 1, 1]})
    figure.subplots_adjust(left=0.035, right=0.995, bottom=0.02, top=0.915)
    reach = np.abs(x).max() * 1.35
    for (row, digit), axes in np.ndenumerate(grid):
        if row == 0:
            axes.imshow(images[digit], cmap="gray_r", aspect="auto")
            axes.set_title(str(digit), fontweight="bold")
        else:
            look = {"marker": "o", "markersize": 3.5, "linewidth": 0} if row == 1 else {"linewidth": 2.4}
            axes.plot(x[digit], np.arange(x.shape[1]), color=BLUE, **look)
            axes.set(xlim=(-reach, reach), ylim=(x.shape[1], -1))
        bare(axes)
    for axes, label in zip(grid[:, 0], ("MNIST", "12 points", "as a line"), strict=True):
        axes.set_ylabel(label, rotation=90)
    return figure


def draw_steps(parameters: Parameters) -> Figure:
    """Three samples on their way from template to signal."""
    chosen = first_rows(take_apart(parameters).labels, 1)[list(STEPS_DIGITS), 0]
    samples = take_apart(parameters, chosen)
    length, points = parameters.signal_length, parameters.final_seq_length
    stages = _stages(samples, length, points)
    figure = new_figure(5)
    grid = figure.subplots(len(chosen), len(stages), gridspec_kw={"wspace": 0.07, "hspace": 0.03})
    figure.subplots_adjust(left=0.035, right=0.995, bottom=0.01, top=0.905)
    reach = 1.12 * max(np.abs(curve.values).max() for stage in stages.values() for curve in stage)
    for column, (title, stage) in enumerate(stages.items()):
        dots = {"marker": "o", "markersize": 2.2} if column in (0, len(stages) - 1) else {}
        for axes, curve in zip(grid[:, column], stage, strict=True):
            span = curve.positions[curve.inside]
            axes.axhspan(span[0], span[-1], color=SHADE, linewidth=0)
            axes.plot(curve.values, curve.positions, color=LINE, linewidth=1, **dots)
            axes.plot(np.where(curve.inside, curve.values, np.nan), curve.positions, color=BLUE, linewidth=1.8, **dots)
            axes.text(0.97, 0.03, curve.note, transform=axes.transAxes, ha="right", color=LINE, fontsize=8)
            axes.set(xlim=(-reach, reach), ylim=(length + 1, -2))
            bare(axes)
        grid[0, column].set_title(title, fontsize=9, linespacing=1.15)
    for axes, digit in zip(grid[:, 0], STEPS_DIGITS, strict=True):
        axes.set_ylabel(str(digit), rotation=0, fontweight="bold", fontsize=10, labelpad=9, va="center")
    return figure


class _Curve(NamedTuple):
    values: Floats
    positions: Floats | Integers  # in points of the signal before it is subsampled
    inside: Mask  # the points of the digit
    note: str


def _stages(samples: Anatomy, length: int, points: int) -> dict[str, list[_Curve]]:
    """The curves of all samples after each step, by title of the step."""
    size = samples.templates.shape[1]
    zeros = [np.zeros(pad) for pad in samples.pads]
    padded = [np.concatenate(parts) for parts in zip(samples.templates, zeros, strict=True)]
    inside = samples.dilated != 0
    moved = samples.translated != 0

    def curves(
        signals: Iterable[Floats], inside: Iterable[Mask], notes: Iterable[str] = ("",) * len(zeros)
    ) -> list[_Curve]:
        return [
            _Curve(values, np.linspace(0, length - 1, len(values)), mask, note)
            for values, mask, note in zip(signals, inside, notes, strict=True)
        ]

    return {
        f"template\n{size} points": [
            _Curve(values, np.arange(size), np.ones(size, bool), "") for values in samples.templates
        ],
        "\npad": [
            _Curve(values, np.arange(len(values)), np.arange(len(values)) < size, f"+{pad} zeros")
            for values, pad in zip(padded, samples.pads, strict=True)
        ],
        f"dilate\n{length} points": curves(samples.dilated, inside),
        "\nscale": curves(samples.scaled, inside, [f"\N{MULTIPLICATION SIGN}{scale:.2f}" for scale in samples.scales]),
        "\ntranslate": curves(samples.translated, moved, [f"by {shift}" for shift in samples.shifts]),
        "correlated\nnoise": curves(samples.correlated, moved),
        "i.i.d.\nnoise": curves(samples.noisy, moved),
        "\nshear": curves(samples.sheared, moved),
        f"subsample\n{points} points": curves(samples.x, samples.span),
    }


def draw_tsne(source: tuple[str, Parameters]) -> Figure:
    """Samples of MNIST and of MNIST-1D by t-SNE, a colour for each digit."""
    data = make_dataset(source[1])
    x, labels = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    with np.load(MNIST_FILE) as mnist:
        maps = {"MNIST": (mnist["embedding"], mnist["labels"]), "MNIST-1D": (embed(x, CACHE), labels)}
    figure = new_figure(4.45)
    grid = figure.subplots(1, 2, gridspec_kw={"wspace": 0.03})
    figure.subplots_adjust(left=0.005, right=0.995, bottom=0.075, top=0.935)
    colours = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for axes, (name, (places, digits)) in zip(grid, maps.items(), strict=True):
        axes.scatter(*places.T, s=3, c=[colours[digit] for digit in digits], linewidths=0)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(name, fontweight="bold")
        bare(axes)
    places, digits = maps["MNIST"]
    for digit in range(10):
        grid[0].text(
            *np.median(places[digits == digit], axis=0), str(digit), fontsize=13, fontweight="bold", ha="center",
            va="center", path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip
    dots = [Line2D([], [], marker="o", markersize=6, linestyle="", color=colours[digit]) for digit in range(10)]
    figure.legend(
        dots, [str(digit) for digit in range(10)], loc="lower center", ncols=10, frameon=False, handletextpad=0.1,
        columnspacing=1.6, bbox_to_anchor=(0.5, -0.012),
    )  # fmt: skip
    return figure


def draw_models(rows: Sequence[Row]) -> Figure:
    """Test accuracy of each model by dataset: bars are measured here, diamonds the authors' values."""
    datasets = list(rows[0].cells)
    high = 1.4 + 0.36 * len(rows)  # inches
    figure = new_figure(high)
    grid = figure.subplots(1, len(datasets), sharey=True, gridspec_kw={"wspace": 0.12})
    figure.subplots_adjust(left=0.155, right=0.98, bottom=0.69 / high, top=1 - 0.58 / high)
    title = "Test accuracy on MNIST and on each config of MNIST-1D"
    figure.suptitle(title, fontsize=11, fontweight="bold", y=1 - 0.05 / high)
    for axes, dataset in zip(grid, datasets, strict=True):
        for place, row in enumerate(rows):
            if dataset in row.cells:
                _draw_accuracy(axes, place, row.cells[dataset], row.model.authors.get(dataset))
            else:
                axes.text(13, place, "not measured", va="center", color=LINE, fontsize=8)
        chance = axes.axvline(10, color=INK, linewidth=1, linestyle=(0, (2, 2)), label="guessing", zorder=0)
        axes.set(xlim=(0, 104), xticks=[0, 50, 100], ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), [row.model.short for row in rows])
        axes.set_title("MNIST" if dataset == MNIST else dataset)
        axes.tick_params(length=0, labelsize=8.5)
    figure.supxlabel("test accuracy, %", x=0.5, y=0.32 / high, fontsize=9)
    ours = Rectangle((0, 0), 1, 1, color=BLUE, label="measured here, with standard deviation")
    theirs = Line2D([], [], label="the authors' table", **DIAMOND)
    figure.legend(
        handles=[ours, theirs, chance], loc="lower center", ncols=3, frameon=False, bbox_to_anchor=(0.5, -0.05 / high)
    )
    return figure


def _draw_accuracy(axes: Axes, place: int, measured: Cell, authors: str | None) -> None:
    axes.barh(place, measured.mean, height=0.64, color=BLUE)
    axes.text(1.5, place, f"{measured.mean:.0f}", va="center", color="white", fontweight="bold", fontsize=8.5)
    if measured.std is not None:
        axes.errorbar(measured.mean, place, xerr=measured.std, color=BLACK, linewidth=1, capsize=2.5)
    if authors is not None:
        axes.plot(number(authors), place, **DIAMOND)
