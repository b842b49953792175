"""The quiz's part of the page."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from explorer.controls import read
from explorer.pictures import all_templates, one_signal
from explorer.quiz import EXPERT, KINDS, Question, Score, ask
from generator import Parameters

RULES = (
    "Which digit is in the signal? Half of the signals are plain; the other half have their points shuffled. "
    "Before the noise, the ten digits look like this:"
)
EMPTY = "<p class='fine'>Your answer will be judged here.</p>"


class QuizTab(NamedTuple):
    """The components."""

    signal: gr.HTML
    buttons: list[gr.Button]
    verdict: gr.HTML
    tally: gr.HTML
    question: gr.State
    score: gr.State


def make_quiz() -> QuizTab:
    """Make the components; inside of a `gr.Blocks`."""
    gr.Markdown(RULES)
    gr.HTML(all_templates())
    signal = gr.HTML(elem_id="question")
    with gr.Row(elem_classes="digits"):
        buttons = [gr.Button(str(digit), elem_id=f"answer-{digit}", min_width=44) for digit in range(10)]
    verdict = gr.HTML(EMPTY, elem_id="verdict")
    tally = gr.HTML(_tally(Score()), elem_id="tally")
    return QuizTab(signal, buttons, verdict, tally, gr.State(), gr.State(Score()))


def wire_quiz(tab: QuizTab, opened: gr.Tab, controls: list[gr.components.Component], options: dict[str, Any]) -> None:
    """Let the quiz ask when its tab opens, and after each answer."""
    opened.select(_first, [tab.question, *controls], [tab.question, tab.signal], **options)
    outputs = [tab.question, tab.signal, tab.score, tab.verdict, tab.tally]
    for digit, button in enumerate(tab.buttons):
        button.click(partial(_answer, digit), [tab.question, tab.score, *controls], outputs, **options)


def _first(question: Question | None, *values: Any) -> tuple[Question, str]:
    question = question or _ask(values)
    return question, one_signal(question.values)


def _answer(digit: int, question: Question, score: Score, *values: Any) -> tuple[Question, str, Score, str, str]:
    right = digit == question.digit
    score = score.count(question.kind, right)
    said = f"Right, a {digit}" if right else f"It was a {question.digit}, not a {digit}"
    verdict = f"<p><b>{said}</b>, {question.kind}:</p>" + one_signal(
        question.values, question.span, in_time=question.kind == "plain"
    )
    following = _ask(values)
    return following, one_signal(following.values), score, verdict, _tally(score)


def _ask(values: tuple[Any, ...]) -> Question:
    try:
        parameters = read(values)
    except ValueError:  # the page says so already
        parameters = Parameters()
    return ask(parameters, secrets.randbelow(2**32))


def _tally(score: Score) -> str:
    rows = "".join(
        f"<tr><th>{kind}</th><td>{score.right[kind]} of {score.asked[kind]}</td>"
        f"<td>{f'{100 * score.right[kind] / score.asked[kind]:.0f}%' if score.asked[kind] else '–'}</td>"
        f"<td>about {EXPERT[kind]}%</td></tr>"
        for kind in KINDS
    )
    head = "<tr><th></th><th>you</th><th></th><th>an expert, default data</th></tr>"
    return f"<table class='tally'>{head}{rows}</table>"
