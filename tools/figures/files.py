"""Every picture of the card: its file, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tqdm import tqdm

from tools.figures.animation import save_animation
from tools.figures.drawings import draw_models, draw_samples, draw_steps, draw_templates, draw_tsne
from tools.figures.sources import SOURCES
from tools.figures.style import save_png, styled

DRAW: dict[str, Callable[[Any], Figure]] = {
    **{name: draw_samples for name in SOURCES if name.startswith("samples-")},
    "templates.png": draw_templates,
    "steps.png": draw_steps,
    "tsne.png": draw_tsne,
    "models.png": draw_models,
}


def draw_all(folder: Path) -> Iterator[Path]:
    """Draw each picture into a folder and say where it is.

    Parameters
    ----------
    folder : Path
        Made if it is missing.

    Yields
    ------
    Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in tqdm(SOURCES.items(), unit="picture", disable=None, leave=False):
        path = folder / name
        with styled():
            if name in DRAW:
                save_png(DRAW[name](source), path, comment=repr(source))
            else:
                save_animation(source, path)
        yield path


def remove_unused(folder: Path) -> Iterator[Path]:
    """Remove pictures that the card does not show from a folder, and yield their paths."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".gif") and path.name not in SOURCES:
            path.unlink()
            yield path
