"""The quiz's part of the page."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from explorer.controls import find_problems, read
from explorer.pictures import all_templates, one_signal
from explorer.quiz import EXPERT, KINDS, Question, Score, ask, with_article
from generator import Parameters

RULES = "Half of the signals are plain, and half have their points shuffled. Press the digit that you read."
EMPTY = "<h3>Your last answer</h3><p class='fine'>The digit is marked here once you have answered.</p>"


class QuizTab(NamedTuple):
    """The components."""

    signal: gr.HTML
    buttons: list[gr.Button]
    verdict: gr.HTML
    tally: gr.HTML
    question: gr.State
    score: gr.State


def make_quiz() -> QuizTab:
    """Make the components, inside a `gr.Blocks`."""
    gr.HTML(f"<p>{RULES}</p>")
    with gr.Row(elem_id="quiz"):
        signal = gr.HTML(elem_id="question")
        verdict = gr.HTML(EMPTY, elem_id="verdict")
    gr.HTML(f"<p class='fine'>The ten digits without noise:</p>{all_templates()}", elem_id="templates")
    with gr.Row(elem_classes="digits"):
        buttons = [gr.Button(str(digit), elem_id=f"answer-{digit}", min_width=28, size="sm") for digit in range(10)]
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
    return question, _show(question)


def _answer(digit: int, question: Question, score: Score, *values: Any) -> tuple[Question, str, Score, str, str]:
    right = digit == question.digit
    score = score.count(question.kind, right)
    said = f"Right, {with_article(digit)}" if right else f"It was {with_article(question.digit)}, not {digit}"
    marked = one_signal(question.values, question.span, in_time=question.kind == "plain")
    verdict = f"<h3 role='status'>{said} ({question.kind})</h3>{marked}"
    following = _ask(values)
    return following, _show(following), score, verdict, _tally(score)


def _show(question: Question) -> str:
    return f"<h3>Which digit is this?</h3>{one_signal(question.values)}"


def _ask(values: tuple[Any, ...]) -> Question:
    named = read(values)
    parameters = Parameters() if find_problems(named) else Parameters(**named)  # the page says so already
    return ask(parameters, secrets.randbelow(2**32))


def _tally(score: Score) -> str:
    rows = "".join(
        f"<tr><th>{kind}</th><td>{score.right[kind]} of {score.asked[kind]}</td>"
        f"<td>{f'{100 * score.right[kind] / score.asked[kind]:.0f}%' if score.asked[kind] else '–'}</td>"
        f"<td>about {EXPERT[kind]}%</td></tr>"
        for kind in KINDS
    )
    head = "<tr><th></th><th>right</th><th>you</th><th>an expert (default data)</th></tr>"
    return f"<table class='tally'>{head}{rows}</table>"
