"""The page: `python -m explorer` here, `app.py` on a Space."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from functools import partial
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when this file is run by its path
if find_spec("generator") is None:
    sys.exit("This folder needs what lies beside it: `python -m explorer --space DIR` gathers all files of the Space.")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # on a shared machine its threads wait for each other, for seconds

import gradio as gr

from explorer import DATASET_ID
from explorer.controls import FIELDS, describe, make_controls, positions, read
from explorer.drawing import draw, looks_the_same, vary
from explorer.files import WRITE, write
from explorer.hardness import linear, nearest_neighbour
from explorer.links import SPACE, link, read_query
from explorer.pictures import eight_steps, ten_digits, variation
from explorer.presets import presets
from explorer.quiz_tab import make_quiz, wire_quiz
from explorer.snippets import arrays_code, builder_code, publish_command
from generator import Parameters

DATASET = f"https://huggingface.co/datasets/{DATASET_ID}"
PAPER = "https://arxiv.org/abs/2011.14439"
STYLE = Path(__file__).with_name("style.css")
MOST = 4000, 1000  # samples of train and test that the accuracies are of: a fraction of a second
OWN = "your own"
INTRODUCTION = f"""# MNIST-1D explorer
Each line is one sample: a signal, with time running down. The shaded points are the digit, the rest is noise. Move a
slider to see what it does. [The dataset]({DATASET}) · [The paper]({PAPER})"""
KEEP = gr.skip()


def make_page() -> gr.Blocks:
    """The page, ready to be launched."""
    named = presets()
    with gr.Blocks(
        title="MNIST-1D explorer", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)
    ) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Column(elem_id="stage"):
            picture = gr.HTML(elem_id="picture")
            notice = gr.HTML(elem_id="notice")
        with gr.Row():
            with gr.Column(scale=7, min_width=330):
                hardness = gr.HTML(elem_id="hardness")
                with gr.Tab("Effect"):
                    name = gr.Dropdown(
                        list(FIELDS), value="shear_scale", label="What does this parameter do?", elem_id="parameter"
                    )
                    explained = gr.HTML(elem_id="variation")
                with gr.Tab("Steps"):
                    digit = gr.Slider(0, 9, 3, step=1, label="digit", elem_id="digit")
                    steps = gr.HTML(elem_id="steps")
                with gr.Tab("Code"):
                    arrays = gr.Code(language="python", label="Arrays", elem_id="arrays", buttons=["copy"], lines=1)
                    builder = gr.Code(language="python", label="datasets", elem_id="builder", buttons=["copy"], lines=1)
                    command = gr.Code(
                        language="shell", label="Publish it", elem_id="command", buttons=["copy"], lines=1
                    )
                    address = gr.Textbox(label="Link to these parameters", elem_id="link", buttons=["copy"])
                with gr.Tab("File"):
                    kind = gr.Radio(list(WRITE), value="Parquet", label="Format", elem_id="format")
                    make = gr.Button("Make the file", elem_id="make")
                    file = gr.File(label="File", elem_id="file", interactive=False)
                    made = gr.State()
                with gr.Tab("Quiz") as quiz_tab:
                    quiz = make_quiz()
            with gr.Column(scale=5, min_width=330):
                preset = gr.Dropdown([*named, OWN], value="default", label="Start from", elem_id="preset")
                parts = make_controls()
        controls = [control for group in parts.values() for control in group]
        shown = [picture, notice, explained, steps, arrays, builder, command, address]
        inputs = [name, digit, *controls]
        quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        latest: dict[str, Any] = {**quick, "trigger_mode": "always_last"}

        def opened(request: gr.Request) -> list[Any]:
            try:
                parameters = read_query(request.query_params)
                return [*positions(parameters), _name_of(parameters, named), ""]
            except ValueError as error:
                return [*positions(Parameters()), "default", _sentence(error)]

        trouble = gr.State("")  # of the link, to be said once
        page.load(opened, None, [*controls, preset, trouble], **quick).then(show, inputs, shown, **quick).then(
            lambda said: said or KEEP, trouble, notice, **quick
        ).then(measure, controls, hardness, **quick)
        for parameter, group in parts.items():
            for control in group:  # in the browser, so that a moving slider sends no more than the values
                control.input(None, js=f"() => ['{parameter}', '{OWN}']", outputs=[name, preset], **quick)
        gr.on([control.input for control in controls], show, inputs, shown, **latest).then(
            measure, controls, hardness, **quick
        )
        gr.on([name.input, digit.input], show, inputs, shown, **latest)
        preset.input(partial(start_from, named), preset, controls, **quick).then(show, inputs, shown, **quick).then(
            measure, controls, hardness, **quick
        )
        make.click(make_file, [kind, *controls], [file, made, notice], api_visibility="private").then(
            remove_folder, made, None, **quick
        )
        wire_quiz(quiz, quiz_tab, controls, quick)
    return page


def show(request: gr.Request, name: str, digit: int, *values: Any) -> list[Any]:
    """What the page shows of the parameters that the controls stand at; a value that is wrong leaves the picture."""
    try:
        parameters = read(values)
        drawn = draw(parameters)
        found = None if looks_the_same(name) else vary(parameters, name, digit)
    except ValueError as error:
        return [KEEP, _sentence(error), *[KEEP] * 6]
    in_time = not parameters.shuffle_seq
    train, test = len(drawn.data.y), len(drawn.data.y_test)
    caption = (
        f"<p class='fine'>The first sample of each digit, out of {train:,} for training and {test:,} for testing.</p>"
    )
    same = f"<p class='fine'>The same sample of a {digit}, with <code>{name}</code></p>"
    strip = same + variation(found, name, in_time=in_time) if found else "<p>It does not change how samples look.</p>"
    return [
        ten_digits(drawn, in_time=in_time) + caption,
        _sentence(drawn.warning),
        f"<p>{_prose(describe(name))}</p>{strip}",
        eight_steps(drawn.samples, digit),
        arrays_code(parameters),
        builder_code(parameters),
        publish_command(parameters),
        link(parameters, SPACE if "SPACE_ID" in os.environ else str(request.request.base_url)),
    ]


def measure(*values: Any) -> str:
    """How hard the dataset is; of a large one, its first samples."""
    try:
        data = draw(read(values)).data
    except ValueError:
        return KEEP
    train, test = MOST
    arrays = data.x[:train], data.y[:train], data.x_test[:test], data.y_test[:test]
    if not len(arrays[1]) or not len(arrays[3]):
        return "<p class='fine'>To measure how hard it is takes samples for training and for testing.</p>"
    bars = {
        "nearest neighbour": ("", nearest_neighbour(*arrays)),
        "linear model": ("", linear(*arrays)),
        "guessing": ("guess", 10.0),
    }
    rows = "".join(
        f"<span class='{kind}'>{label}</span><span class='track {kind}'>"
        f"<span class='bar' style='width:{0.8 * value:.1f}%'></span><b>{value:.0f}%</b></span>"
        for label, (kind, value) in bars.items()
    )
    return f"<p class='fine'>Test accuracy, measured just now</p><div class='bars'>{rows}</div>"


def start_from(named: dict[str, Parameters], preset: str) -> list[Any]:
    """Where the controls have to stand for a preset."""
    return positions(named[preset]) if preset in named else [KEEP] * len(positions(Parameters()))


def make_file(kind: str, *values: Any) -> tuple[Any, Any, Any]:
    """A file of the dataset, and its folder, which is removed once Gradio has its copy."""
    try:
        data = draw(read(values)).data
    except ValueError as error:
        return KEEP, KEEP, _sentence(error)
    folder = tempfile.mkdtemp(prefix="mnist1d-")
    return str(write(data, kind, Path(folder))), folder, KEEP


def remove_folder(folder: str | None) -> None:
    """Remove what `make_file` left, if it made anything."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _name_of(parameters: Parameters, named: dict[str, Parameters]) -> str:
    return next((name for name, known in named.items() if known == parameters), OWN)


def _sentence(text: object) -> str:
    return f"<p class='notice' role='alert'>{escape(str(text))}</p>" if str(text) else ""


def _prose(text: str) -> str:
    """Text with `code` in it, as HTML."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def launch(**options: Any) -> None:
    """Serve the page; fonts are those of the reader's machine, so that nothing is fetched from elsewhere."""
    theme = gr.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    make_page().launch(theme=theme, css_paths=STYLE, ssr_mode=False, footer_links=[], **options)


if __name__ == "__main__":
    launch()
