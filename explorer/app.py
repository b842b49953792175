"""The page: `python -m explorer` here, `app.py` on a Space."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when this file is run by its path
if find_spec("generator") is None:
    sys.exit(
        "This folder needs the package next to it: `python -m explorer --space DIR` gathers all files of the Space."
    )
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # on a shared machine its threads wait for each other, for seconds

import gradio as gr

from explorer import DATASET_ID
from explorer.controls import FIELDS, describe, find_problems, make_controls, positions, read
from explorer.drawing import draw, looks_the_same, telling_samples, ten_samples, vary
from explorer.files import WRITE, write
from explorer.hardness import linear, nearest_neighbour
from explorer.links import SPACE, describe_unknown, link, read_query
from explorer.pictures import accuracy_bars, eight_steps, ten_digits, variation
from explorer.presets import TRAINED, presets, trained_accuracies
from explorer.quiz import with_article
from explorer.quiz_tab import make_quiz, wire_quiz
from explorer.snippets import arrays_code, builder_code, publish_command
from generator import Parameters
from generator.authors import surprises
from generator.spelling import changed_parameters

DATASET = f"https://huggingface.co/datasets/{DATASET_ID}"
PAPER = "https://arxiv.org/abs/2011.14439"
STYLE = Path(__file__).with_name("style.css")
MOST = 4000, 1000  # samples of train and test that accuracies are measured on: a fraction of a second
OWN = "your own"
FIRST = "max_translation"  # the parameter whose effect is shown at first
HEADER = f"""<header><h1>MNIST-1D explorer</h1><nav><a href="{DATASET}">Dataset</a> <a href="{PAPER}">Paper</a></nav>
<p>Each panel is a signal, with time running down. The <mark>shaded points</mark> are the digit; the rest is noise.
Move a slider: the same samples change only in what it controls.</p></header>"""
KEEP = gr.skip()
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
LATEST: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}
SHOW: dict[str, Any] = {**LATEST, "concurrency_id": "show"}  # one after the other, so that the last one stays
SLOW: dict[str, Any] = {**LATEST, "show_progress": "minimal"}  # the old accuracies fade until the new ones are there


def make_page() -> gr.Blocks:
    """Make the page, ready to be launched."""
    with gr.Blocks(
        title="MNIST-1D explorer", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)
    ) as page:
        gr.HTML(HEADER)
        notice = gr.HTML(elem_id="notice")
        with gr.Row(elem_id="page"):
            with gr.Column(scale=7, min_width=320, elem_id="main"):
                with gr.Column(elem_id="stage"):
                    digit = gr.Radio(
                        [(str(each), each) for each in range(10)], value=3, label="Digit to look at", elem_id="digit"
                    )
                    picture = gr.HTML(elem_id="picture")
                with gr.Tabs():
                    with gr.Tab("Explore"):
                        caption = gr.HTML(elem_id="caption")
                        with gr.Row(elem_id="below"):
                            with gr.Column(scale=8, min_width=300):
                                name = gr.Dropdown(list(FIELDS), value=FIRST, label="Effect of", elem_id="parameter")
                                effect = gr.HTML(elem_id="effect")
                            with gr.Column(scale=5, min_width=260):
                                difficulty = gr.HTML(elem_id="difficulty")
                    with gr.Tab("Steps"):
                        steps = gr.HTML(elem_id="steps")
                    with gr.Tab("Quiz", elem_id="quiz-tab") as quiz_tab:
                        quiz = make_quiz()
                    with gr.Tab("Code"):
                        arrays = _code("python", "NumPy arrays", "arrays")
                        builder = _code("python", "Dataset of the library datasets", "builder")
                        command = _code("shell", "Publish your own on the Hugging Face Hub", "command")
                        address = gr.Textbox(label="Link to these parameters", elem_id="link", buttons=["copy"])
                    with gr.Tab("File"):
                        kind = gr.Radio(list(WRITE), value="Parquet", label="Format", elem_id="format")
                        make = gr.Button("Make the file", elem_id="make", variant="primary")
                        refusal = gr.HTML(elem_classes="problem")
                        file = gr.File(label="File", elem_id="file", interactive=False, height=90, visible=False)
                        made = gr.State()
            with gr.Column(scale=3, min_width=300, elem_id="side"):
                preset = gr.Dropdown([*presets(), OWN], value="default", label="Start from", elem_id="preset")
                controls = make_controls()
        parts = [part for control in controls.values() for part in control.parts]
        problems = [control.problem for control in controls.values()]
        shown = [picture, caption, effect, steps, arrays, builder, command, address, *problems]
        inputs = [name, digit, *parts]

        page.load(open_link, None, [name, *parts, preset, notice], **QUICK).then(show, inputs, shown, **SHOW).then(
            measure, parts, difficulty, **SLOW
        )
        for parameter, control in controls.items():
            for place, part in enumerate(control.parts):
                # In the browser: names what has moved, and lets one end of an interval push the other
                ends = control.parts if len(control.parts) == 2 else []
                push = ["[low, Math.max(low, high)]", "[Math.min(low, high), high]"][place] if ends else "[]"
                js = f"(low, high) => ['{parameter}', '{OWN}', ...{push}]"
                part.input(None, ends, [name, preset, *ends], js=js, **QUICK)
                first = 2 + parts.index(control.parts[0])
                pushed = f"const [low, high] = all.slice({first}); all.splice({first}, 2, ...{push});" if ends else ""
                js = f"(...all) => {{ all[0] = '{parameter}'; {pushed} return all; }}"
                part.input(show, inputs, shown, js=js, **SHOW).then(measure, parts, difficulty, **SLOW)
                if isinstance(part, gr.Slider):  # which goes to its end after a number beyond it was typed
                    at = 2 + parts.index(part)
                    clip = f"all[{at}] = Math.min(Math.max(all[{at}], {part.minimum}), {part.maximum});"
                    js = f"(...all) => {{ {clip} all[0] = '{parameter}'; {pushed} return all; }}"
                    part.release(show_again, inputs, shown[: -len(problems)], js=js, **SHOW).then(
                        measure, parts, difficulty, **SLOW
                    )
        gr.on([name.input, digit.input], show, inputs, shown, **SHOW)
        preset.input(start_from, preset, [name, *parts], **QUICK).then(show, inputs, shown, **SHOW).then(
            measure, parts, difficulty, **SLOW
        )
        make.click(make_file, [kind, *parts], [file, made, refusal], api_visibility="private").then(
            remove_folder, made, None, **QUICK
        )
        wire_quiz(quiz, quiz_tab, parts, QUICK)
    return page


def _code(language: Any, label: str, name: str) -> gr.Code:
    return gr.Code(language=language, label=label, elem_id=name, buttons=["copy"], lines=1, wrap_lines=True)


def open_link(request: gr.Request) -> list[Any]:
    """Return where the controls have to stand for the link that was opened, and what is wrong with it."""
    query = request.query_params
    parameters, trouble = Parameters(), describe_unknown(query)
    try:
        asked = read_query(query)
        if problems := find_problems(vars(asked)):
            raise ValueError(*problems.values())
        parameters = asked
    except ValueError as error:
        trouble = " ".join(filter(None, [*map(str, error.args), trouble]))
    preset = next((name for name, known in presets().items() if known == parameters), OWN)
    return [_most_telling(parameters), *positions(parameters), preset, _sentence(trouble)]


def start_from(preset: str) -> list[Any]:
    """Return the parameter to look at, and where the controls have to stand, for a preset."""
    if preset == OWN:
        return [KEEP] * (1 + len(positions(Parameters())))
    parameters = presets()[preset]
    return [_most_telling(parameters), *positions(parameters)]


def _most_telling(parameters: Parameters) -> str:
    """Return the first parameter that is changed and shows in the samples."""
    changed = changed_parameters(parameters)
    return next((name for name in FIELDS if name in changed and not looks_the_same(name)), FIRST)


def show(request: gr.Request, name: str, digit: int, *values: Any) -> list[Any]:
    """Return what the page shows of the parameters; a wrong value leaves the picture, and is named at its control."""
    named = read(values)
    problems = find_problems(named)
    if problems:
        return [*[KEEP] * 8, *(_sentence(problems.get(field, "")) for field in FIELDS)]
    parameters = Parameters(**named)
    warned = {sentence.partition("=")[0]: sentence for sentence in surprises(parameters)}
    in_time = not parameters.shuffle_seq
    seed = parameters.seed
    which = "published sample of each digit" if seed == Parameters().seed else f"sample of each digit with seed {seed}"
    caption = (
        f"The first {which}, with your parameters and the same random numbers. Only <code>seed</code> draws others."
    )
    return [
        ten_digits(ten_samples(parameters), digit, in_time=in_time),
        f"<p class='fine'>{caption}</p>",
        _effect(parameters, name, digit),
        f"<p>How {with_article(digit)} is made, from its template to a finished sample:</p>"
        + eight_steps(telling_samples(parameters), digit),
        arrays_code(parameters),
        builder_code(parameters),
        publish_command(parameters),
        link(parameters, SPACE if "SPACE_ID" in os.environ else str(request.request.base_url)),
        *(_sentence(warned.get(field, "")) for field in FIELDS),
    ]


def show_again(request: gr.Request, name: str, digit: int, *values: Any) -> list[Any]:
    """Return what `show` does, and leave the sentences at the controls as they are."""
    return show(request, name, digit, *values)[: -len(FIELDS)]


def _effect(parameters: Parameters, name: str, digit: int) -> str:
    """Return what a parameter does, in words and in pictures."""
    words = f"<p>{_prose(describe(name))}</p>"
    if looks_the_same(name):
        return f"{words}<p class='fine'>It changes how many samples there are, not how they look.</p>"
    caption = f"The same {digit} each time: only <code>{name}</code> differs. The framed panel has your value."
    if name == "seed":
        caption = (
            f"Five seeds, {with_article(digit)} of each: each seed draws other samples. The framed panel has yours."
        )
    pictures = variation(vary(parameters, name), digit, name, in_time=not parameters.shuffle_seq)
    return f"{words}{pictures}<p class='fine'>{caption}</p>"


def measure(*values: Any) -> str:
    """Return how hard the dataset is; of a large one, its first samples."""
    title = "<h2>Difficulty</h2>"
    named = read(values)
    if find_problems(named):
        return KEEP
    parameters = Parameters(**named)
    try:
        measured = _measure(parameters)
    except ValueError as error:
        return title + _sentence(error)
    trained = trained_accuracies(parameters)
    default = {**_measure(Parameters()), **trained_accuracies(Parameters())}
    bars = accuracy_bars({**measured, **{label: trained.get(label) for label in TRAINED.values()}}, default)
    note = "MLP and CNN were trained for the dataset card"
    note += "." if trained else ", on the presets default, shuffled and large-padding only."
    return f"{title}<p class='fine'>Test accuracy</p>{bars}<p class='fine'><i></i> on the default data. {note}</p>"


@lru_cache(maxsize=8)
def _measure(parameters: Parameters) -> dict[str, float | None]:
    data, (train, test) = draw(parameters), MOST
    arrays = data.x[:train], data.y[:train], data.x_test[:test], data.y_test[:test]
    if not len(arrays[1]) or not len(arrays[3]):
        raise ValueError(f"train_split={parameters.train_split:g} leaves a split empty: accuracies need both")
    return {"guessing": 10.0, "linear model": linear(*arrays), "nearest neighbour": nearest_neighbour(*arrays)}


def make_file(kind: str, *values: Any) -> tuple[Any, Any, Any]:
    """Make a file of the dataset, in a folder that is removed once Gradio has its copy."""
    named = read(values)
    if problems := find_problems(named):
        return KEEP, KEEP, _sentence(" ".join(problems.values()))
    try:
        data = draw(Parameters(**named))
    except ValueError as error:
        return KEEP, KEEP, _sentence(error)
    folder = tempfile.mkdtemp(prefix="mnist1d-")
    return gr.File(str(write(data, kind, Path(folder))), visible=True), folder, ""


def remove_folder(folder: str | None) -> None:
    """Remove what `make_file` left, if it made anything."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _sentence(text: object) -> str:
    return f"<p class='notice' role='alert'>{escape(str(text))}</p>" if str(text) else ""


def _prose(text: str) -> str:
    """Text with `code` in it, as HTML."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def launch(**options: Any) -> gr.Blocks:
    """Serve the page, with the fonts of the reader's machine, so that nothing is fetched from another site."""
    theme = gr.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>"  # as `css`, Gradio would change its selectors
    page = make_page()
    page.launch(theme=theme, head=style, ssr_mode=False, footer_links=[], **options)
    return page


if __name__ == "__main__":
    launch()
