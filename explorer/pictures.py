"""Signals as SVG: small, sharp, in the colours of a light or a dark page, and drawn within a millisecond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from explorer.drawing import Drawn, Variation
from generator import get_templates
from generator.anatomy import Anatomy, Mask
from generator.arrays import Floats
from generator.signals import interpolate

WIDE, HIGH = 60, 150  # of a panel, in its own units; it is stretched to the page
MARGIN = 4


class Panel(NamedTuple):
    """One signal, time running down."""

    title: str
    values: Floats  # (points,)
    span: Mask  # (points,) the points of the digit
    note: str = ""
    start: float = 0  # where the first and the last point lie, as a share of the height
    end: float = 1
    in_time: bool = True


def ten_digits(drawn: Drawn, *, in_time: bool) -> str:
    """The first sample of each digit."""
    data, samples = drawn.data, drawn.samples
    labels = np.concatenate([data.y, data.y_test])
    x = np.concatenate([data.x, data.x_test])
    rows = [int(np.argmax(labels == digit)) for digit in range(10)]
    return _row(
        (Panel(str(digit), x[row], samples.span[digit], in_time=in_time) for digit, row in enumerate(rows)), "ten"
    )


def one_signal(values: Floats, span: Mask | None = None, *, in_time: bool = True) -> str:
    """A sample, without a span not telling where its digit is."""
    hidden = np.zeros(len(values), bool)
    return _row([Panel("", values, hidden if span is None else span, in_time=in_time)], "one")


def all_templates() -> str:
    """The ten shapes."""
    shapes = get_templates()["x"]
    whole = np.ones(shapes.shape[1], bool)
    return _row((Panel(str(digit), shape, whole) for digit, shape in enumerate(shapes)), "ten low")


def variation(found: Variation, name: str, *, in_time: bool) -> str:
    """One sample with several values of one parameter."""
    return _row(
        (
            Panel(
                f"= {_shown(value)}",  # a bare 3 reads as a digit
                sample.x[0],
                sample.span[0],
                in_time=value is False if name == "shuffle_seq" else in_time,
            )
            for value, sample in zip(found.values, found.samples, strict=True)
        ),
        "five",
    )


def eight_steps(samples: Anatomy, row: int) -> str:
    """One sample on its way from template to signal, each step with what it did and the parameter behind it."""
    template, pad = samples.templates[row], int(samples.pads[row])
    length = samples.dilated.shape[1]
    size = len(template)
    padded = np.concatenate([template, np.zeros(pad)])
    in_digit = np.arange(len(padded)) < size
    at_start, moved = samples.dilated[row] != 0, samples.translated[row] != 0
    points = samples.x.shape[1]
    plain = interpolate(samples.sheared[[row]], points)[0]
    span = interpolate(samples.translated[[row]], points)[0] != 0
    times = f"\N{MULTIPLICATION SIGN} {samples.scales[row]:.2f}"
    tilt = float(samples.sheared[row, -1] - samples.noisy[row, -1]) * 2  # half of it at either end
    panels = [
        Panel("template", template, in_digit[:size], f"{size} points", end=min(1, size / length)),
        Panel("1 pad", padded, in_digit, f"{pad} zeros added\npadding", end=min(1, len(padded) / length)),
        Panel("2 stretch", samples.dilated[row], at_start, f"to {length} points\ntemplate_len"),
        Panel("3 scale", samples.scaled[row], at_start, f"{times}\nscale_coeff"),
        Panel("4 translate", samples.translated[row], moved, f"down by {samples.shifts[row]} points\nmax_translation"),
        Panel("5 smooth noise", samples.correlated[row], moved, "around the digit\ncorr_noise_scale"),
        Panel("6 white noise", samples.noisy[row], moved, "on every point\niid_noise_scale"),
        Panel("7 shear", samples.sheared[row], moved, f"tilted by {tilt:+.2f}\nshear_scale"),
        Panel("8 subsample", plain, span, f"to {points} points\nfinal_seq_length"),
    ]
    if not np.array_equal(plain, samples.x[row]):
        note = "the same for all\nshuffle_seq"
        panels.append(Panel("shuffle", samples.x[row], samples.span[row], note, in_time=False))
    return _row(panels, "steps")


def _row(panels: Iterable[Panel], kind: str) -> str:
    listed = list(panels)
    reach = 1.08 * max(max(float(np.abs(panel.values).max()) for panel in listed), 1e-9)
    return f'<div class="panels {kind}">' + "".join(_draw(panel, reach) for panel in listed) + "</div>"


def _draw(panel: Panel, reach: float) -> str:
    x = WIDE / 2 * (1 + panel.values / reach)
    y = MARGIN + (HIGH - 2 * MARGIN) * np.linspace(panel.start, panel.end, len(panel.values))
    step = (y[-1] - y[0]) / max(len(y) - 1, 1)
    runs = _runs(panel.span)
    shades = "".join(
        f'<rect class="shade" x="0" width="{WIDE}" y="{y[first] - step / 2:.1f}" height="{step * (end - first):.1f}"/>'
        for first, end in runs
    )
    line = f'<path class="line" d="{_path(x, y)}"/>'
    if panel.in_time:
        digit = "".join(f'<path class="digit" d="{_path(x[first:end], y[first:end])}"/>' for first, end in runs)
    else:  # a line of no length with round ends is a dot, whatever the panel is stretched to
        digit = "".join(f'<path class="dot" d="M{x[i]:.1f} {y[i]:.1f}h0"/>' for i in np.flatnonzero(panel.span))
    where = ", ".join(f"{first} to {end - 1}" if end - first > 1 else str(first) for first, end in runs)
    label = f"{panel.title or '?'}: a signal of {len(panel.values)} points{f', the digit at {where}' if where else ''}"
    return (
        f'<figure><figcaption>{escape(panel.title)}</figcaption><svg role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none">{shades}{line}{digit}</svg>'
        f"<small>{escape(panel.note)}</small></figure>"
    )


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First and past-the-last point of each run of points in a mask."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _path(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    return "M" + "L".join(f"{left:.1f} {down:.1f}" for left, down in zip(x, y, strict=True))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"({value[0]}, {value[1]})"
    return f"{value:g}" if isinstance(value, float) else str(value)
