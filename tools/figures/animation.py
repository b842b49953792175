"""The transformations as an animation: five digits go through the steps together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from PIL import Image

from generator import Parameters
from generator.anatomy import Anatomy, Mask, first_rows, take_apart
from generator.arrays import Floats
from tools.figures.style import BLUE, INK, LINE, PALE, bare, new_figure, rasterise

DIGITS = (0, 2, 3, 5, 7)
STEPS = ("template", "pad", "dilate", "scale", "translate", "correlated noise", "i.i.d. noise", "shear", "subsample")
TWEENS = 10  # frames between two steps
MOVING, RESTING, LAST = 50, 700, 2500  # milliseconds that a frame stays
DOT = 14  # square points
DPI = 150  # between a plain and a sharp screen: keeps the file small
SHADES = 8  # of each colour, from the background's white


def animate(parameters: Parameters) -> tuple[list[Image.Image], list[int]]:
    """Frames with one palette, and how many milliseconds each stays."""
    chosen = first_rows(take_apart(parameters).labels, 1)[list(DIGITS), 0]
    samples = take_apart(parameters, chosen)
    figure = new_figure(3.6, DPI)
    grid = figure.subplots(1, 1 + len(DIGITS), gridspec_kw={"wspace": 0.08, "width_ratios": [1.55] + [1] * len(DIGITS)})
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.91)
    names, panels = _list_steps(grid[0]), grid[1:]
    reach = 1.1 * max(np.abs(values).max() for values in (samples.scaled, samples.sheared, samples.templates))
    for axes, digit in zip(panels, DIGITS, strict=True):
        axes.set(xlim=(-reach, reach), ylim=(parameters.signal_length + 1, -2))
        axes.set_title(str(digit), fontweight="bold")
        bare(axes)
    curves = [axes.plot([], [], color=LINE, linewidth=1.2)[0] for axes in panels]
    digits = [axes.plot([], [], color=BLUE, linewidth=2.2)[0] for axes in panels]
    dots = [axes.scatter([], [], linewidths=0, zorder=3) for axes in panels]

    frames, durations = [], []
    for frame in range(TWEENS * (len(STEPS) - 1) + 1):
        step, part = divmod(frame, TWEENS)
        step += part > 0  # on the way to this one
        share = _ease(part / TWEENS) if part else 1.0
        for place, name in enumerate(names):
            name.set(fontweight="bold" if place == step else "normal", color=BLUE if place == step else INK)
        for row, (curve, digit, dot) in enumerate(zip(curves, digits, dots, strict=True)):
            values, positions, inside = _shape(samples, row, step, share, parameters)
            curve.set_data(values, positions)
            digit.set_data(np.where(inside, values, np.nan), positions)
            if step == len(STEPS) - 1:
                inside, positions = samples.span[row], _coarse(parameters)
                values = samples.x[row]
            dot.set_offsets(np.column_stack([values, positions]))
            dot.set_sizes([DOT * share if step in (0, len(STEPS) - 1) else 0])
            dot.set_color([BLUE if of_digit else LINE for of_digit in inside])
        frames.append(rasterise(figure))
        durations.append(MOVING if part else LAST if step == len(STEPS) - 1 else RESTING)
    return [frame.quantize(palette=_palette(), dither=Image.Dither.NONE) for frame in frames], durations


def save_animation(parameters: Parameters, path: Path) -> None:
    """Write the animation as a GIF that plays for ever."""
    frames, durations = animate(parameters)
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        optimize=True,
        comment=repr(parameters).encode(),
    )


def _list_steps(axes: Axes) -> list[Text]:
    axes.set_axis_off()
    heights = np.linspace(0.93, 0.07, len(STEPS))
    return [
        axes.text(0.02, height, f"{number}  {name}", va="center", fontsize=10.5)
        for number, (height, name) in enumerate(zip(heights, STEPS, strict=True))
    ]


def _palette() -> Image.Image:
    """The colours and their blends with white: one palette for all frames, in which white stays white."""
    inks = np.array([list(bytes.fromhex(colour[1:])) for colour in (INK, LINE, BLUE)])
    blends = 255 - (255 - inks) * (np.arange(SHADES + 1) / SHADES)[:, None, None]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(blends).astype(np.uint8).tobytes() + bytes.fromhex(PALE[1:]))
    return palette


def _coarse(parameters: Parameters) -> Floats:
    return np.linspace(0, parameters.signal_length - 1, parameters.final_seq_length)


def _ease(share: float) -> float:
    return share * share * (3 - 2 * share)


def _shape(samples: Anatomy, row: int, step: int, share: float, parameters: Parameters) -> tuple[Floats, Floats, Mask]:
    """Values, positions and points of the digit of one sample, `share` of the way through a step."""
    template, pad, shift = samples.templates[row], int(samples.pads[row]), int(samples.shifts[row])
    last = parameters.signal_length - 1
    fine = np.arange(last + 1.0)
    points = np.arange(len(template) + pad)
    padded = np.concatenate([template, np.zeros(pad)])
    if step == 0:
        return template, points[: len(template)].astype(float), np.ones(len(template), bool)
    if step == 1:
        return padded, np.minimum(points, len(template) - 1 + share * pad), points < len(template)
    if step == 2:
        return padded, points * (1 + share * (last / points[-1] - 1)), points < len(template)
    if step == 4:
        moved = np.interp((fine - share * shift) % (last + 1), fine, samples.scaled[row])
        return moved, fine, moved != 0
    stages = {
        3: (samples.dilated, samples.scaled),
        5: (samples.translated, samples.correlated),
        6: (samples.correlated, samples.noisy),
        7: (samples.noisy, samples.sheared),
    }
    inside = (samples.dilated if step == 3 else samples.translated)[row] != 0
    if step in stages:
        before, after = (stage[row] for stage in stages[step])
    else:
        before = samples.sheared[row]
        after = np.interp(fine, _coarse(parameters), samples.x[row])
    return (1 - share) * before + share * after, fine, inside
