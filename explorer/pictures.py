"""Signals as SVG: small, sharp, in the colours of a light or a dark page, and drawn within a millisecond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from explorer.drawing import Variation
from generator import get_templates
from generator.anatomy import Anatomy, Mask
from generator.arrays import Floats
from generator.signals import interpolate

WIDE, HIGH = 60, 150  # of a panel, in its own units; it is stretched to the page
MARGIN = 4
REACH = 0.55  # amplitude at the edge of the ten panels, unless a signal needs more: the default data fill them


class Panel(NamedTuple):
    """One signal, time running down."""

    title: str
    values: Floats  # (points,)
    span: Mask  # (points,) the points of the digit
    note: str = ""
    start: float = 0  # where the first and the last point lie, as a share of the height
    end: float = 1
    in_time: bool = True
    chosen: bool = False


def ten_digits(samples: Anatomy, chosen: int, *, in_time: bool) -> str:
    """Draw a sample of each digit, on a scale that stays the same while parameters change."""
    panels = [
        Panel(str(digit), samples.x[digit], samples.span[digit], in_time=in_time, chosen=digit == chosen)
        for digit in range(10)
    ]
    return _row(panels, "ten", REACH)


def one_signal(values: Floats, span: Mask | None = None, *, in_time: bool = True) -> str:
    """Draw a sample, without a span not telling where its digit is."""
    hidden = np.zeros(len(values), bool)
    return _row([Panel("", values, hidden if span is None else span, in_time=in_time)], "one")


def all_templates() -> str:
    """Draw the ten shapes."""
    shapes = get_templates()["x"]
    whole = np.ones(shapes.shape[1], bool)
    return _row((Panel(str(digit), shape, whole) for digit, shape in enumerate(shapes)), "ten low")


def variation(found: Variation, digit: int, name: str, *, in_time: bool) -> str:
    """Draw one sample with several values of one parameter."""
    return _row(
        (
            Panel(
                _shown(value),
                sample.x[digit],
                sample.span[digit],
                in_time=value is False if name == "shuffle_seq" else in_time,
                chosen=place == found.current,
            )
            for place, (value, sample) in enumerate(zip(found.values, found.samples, strict=True))
        ),
        "five",
    )


def eight_steps(samples: Anatomy, row: int) -> str:
    """Draw one sample on its way from template to signal, each step with what it did and the parameter behind it."""
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
        note = "one order for all\nshuffle_seq"
        panels.append(Panel("9 shuffle", samples.x[row], samples.span[row], note, in_time=False))
    return _row(panels, "steps")


def accuracy_bars(accuracies: Mapping[str, float | None], default: Mapping[str, float | None]) -> str:
    """Draw accuracies in percent as bars, with a mark at the default dataset."""
    rows = []
    for name, value in accuracies.items():
        bar = "" if value is None else f'<span class="bar" style="width:{value:.1f}%"></span>'
        usual = default[name]
        mark = "" if usual is None else f'<span class="mark" style="left:{usual:.1f}%"></span>'
        number = "–" if value is None else f"{value:.0f}%"
        rows.append(
            f'<span>{escape(name)}</span><span class="track" aria-hidden="true">{bar}{mark}</span><b>{number}</b>'
        )
    return f'<div class="bars">{"".join(rows)}</div>'


def _row(panels: Iterable[Panel], kind: str, least: float = 1e-9) -> str:
    listed = list(panels)
    reach = 1.08 * max(max(float(np.abs(panel.values).max()) for panel in listed), least)
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
    line = f'<path class="zero" d="M{WIDE / 2} 0V{HIGH}"/><path class="line" d="{_path(x, y)}"/>'
    if panel.in_time:
        digit = "".join(f'<path class="digit" d="{_path(x[first:end], y[first:end])}"/>' for first, end in runs)
    else:  # a line of no length with round ends is a dot, whatever the panel is stretched to
        digit = "".join(f'<path class="dot" d="M{x[i]:.1f} {y[i]:.1f}h0"/>' for i in np.flatnonzero(panel.span))
    where = ", ".join(f"{first} to {end - 1}" if end - first > 1 else str(first) for first, end in runs)
    label = f"{panel.title or '?'}: a signal of {len(panel.values)} points{f', the digit at {where}' if where else ''}"
    return (
        f"<figure{' class=chosen' if panel.chosen else ''}><figcaption>{escape(panel.title)}</figcaption>"
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none">'
        f"{shades}{line}{digit}</svg><small>{escape(panel.note)}</small></figure>"
    )


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First and past-the-last point of each run of points in a mask."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _path(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    return "M" + "L".join(f"{left:.1f} {down:.1f}" for left, down in zip(x, y, strict=True))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"{value[0]} to {value[1]}" if value[0] < value[1] else str(value[0])
    return f"{value:g}" if isinstance(value, float) else str(value)
