"""The explorer: code that gives the data, files that read back, pictures of anything, and the page in a browser."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from card import REPO_ID
from explorer import DATASET_ID, SPACE_ID
from explorer.__main__ import main
from explorer.drawing import EXPLORE, telling_samples, ten_samples, vary
from explorer.files import WRITE, write
from explorer.hardness import linear, nearest_neighbour
from explorer.links import link, read_query
from explorer.pictures import eight_steps, ten_digits, variation
from explorer.presets import presets
from explorer.quiz import KINDS, Score, ask
from explorer.snippets import arrays_code, builder_code, publish_command
from generator import RECIPES, Dataset, Parameters, make_dataset
from generator.anatomy import Anatomy, first_rows
from mnist1d import Mnist1D
from publisher.options import read_settings
from tests.golden import ROOT, digest_of

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
NEEDED = 'needs the extra [explorer], Playwright from PyPI and Chromium: pip install -e ".[explorer]" playwright'
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SOME = Parameters(num_samples=500, padding=(20, 50), shear_scale=1.5, seed=7)
SAME = {  # parameter -> the parts of a sample that come before its step
    **{"seed": "templates", "padding": "templates scales shifts", "template_len": "templates pads scales shifts"},
    **{"scale_coeff": "dilated shifts", "max_translation": "scaled", "corr_noise_scale": "translated"},
    **{"iid_noise_scale": "correlated", "shear_scale": "noisy"},
    **dict.fromkeys(("final_seq_length", "shuffle_seq"), "sheared"),
}
ADDED: dict[str, Callable[[Anatomy], Any]] = {  # what a step adds, in proportion to its parameter
    "scale_coeff": lambda sample: sample.scaled - sample.dilated,
    "corr_noise_scale": lambda sample: sample.correlated - sample.translated,
    "iid_noise_scale": lambda sample: sample.noisy - sample.correlated,
    "shear_scale": lambda sample: sample.sheared - sample.noisy,
}


def explored() -> st.SearchStrategy[Parameters]:
    """Parameters that the sliders can stand at, few samples."""
    named: dict[str, st.SearchStrategy[Any]] = {"seed": st.integers(0, 2**32 - 1), "shuffle_seq": st.booleans()}
    for name, (low, high, _) in ((name, explore) for name, explore in EXPLORE.items() if explore):
        number = st.floats(low, high) if isinstance(getattr(SOME, name), float) else st.integers(low, high)
        named[name] = st.tuples(number, number).map(lambda ends: tuple(sorted(ends))) if name == "padding" else number
    return st.builds(Parameters, **{**named, "num_samples": st.integers(10, 30).map(lambda tens: tens * 10)})


@settings(max_examples=40)
@given(parameters=explored())
def test_links_and_code_say_the_same(parameters: Parameters) -> None:
    """A link reads back, and so do the three pieces of code, all to the same parameters."""
    query = dict(part.split("=") for part in filter(None, link(parameters).partition("?")[2].split("&")))
    assert read_query(query) == parameters
    names: dict[str, Any] = {"make_dataset": Parameters}
    exec(re.sub(r"(?m)^(from|x, y).*$", "", arrays_code(parameters)), names)
    assert names["data"] == parameters
    exec("\n".join(builder_code(parameters).splitlines()[:-2]), names)
    assert names["builder"].config.parameters == parameters
    options = shlex.split(publish_command(parameters).replace("\\\n", ""))[4:]
    overrides = read_settings("--set", [option for option in options[1:] if option != "--set"])
    assert Mnist1D(options[0], **overrides).config.parameters == parameters


def test_wrong_links() -> None:
    """They end in the sentence of `Parameters`; a name that is not a parameter is ignored."""
    assert read_query({"__theme": "dark", "noise": "1"}) == Parameters()
    for name, text, shown in (("seed", "-1", "-1"), ("padding", "9,1", r"\(9, 1\)"), ("seed", "x", "'x'")):
        with pytest.raises(ValueError, match=rf"^{name}={shown} is not allowed: give "):
            read_query({name: text})


def test_presets_are_the_configs_and_recipes(built: Path) -> None:
    """Each of them once, but those that are the default data; the card has a link to each config."""
    card = (built / "README.md").read_text(encoding="utf-8")
    assert all(f"]({link(config.parameters)})" in card for config in Mnist1D.builder_configs.values())
    named = [*Mnist1D.builder_configs.values(), *RECIPES.values()]
    assert set(presets().values()) == {each.parameters for each in named}
    assert list(presets())[: len(Mnist1D.builder_configs)] == list(Mnist1D.builder_configs)


@pytest.mark.parametrize("kind", WRITE)
def test_files_read_back(kind: str, tmp_path: Path) -> None:
    """All values, to the last bit, and which split they belong to."""
    data = make_dataset(SOME)
    path = write(data, kind, tmp_path)
    if kind == "NumPy":
        with np.load(path) as kept:
            assert digest_of(kept) == digest_of(data)
        return
    table = pyarrow.parquet.read_table(path) if kind == "Parquet" else pyarrow.csv.read_csv(path)
    train = np.array(table["split"]) == "train"
    points = np.array(table["x"].to_pylist()) if kind == "Parquet" else np.column_stack(table.columns[2:])
    np.testing.assert_array_equal(points[train], data.x)
    np.testing.assert_array_equal(points[~train], data.x_test)
    np.testing.assert_array_equal(np.array(table["y"])[train], data.y)


@settings(max_examples=20)
@given(parameters=explored(), digit=st.integers(0, 9), name=st.sampled_from(list(SAME)))
def test_every_picture_is_drawn(parameters: Parameters, digit: int, name: str) -> None:
    """Wherever the sliders stand: ten digits, all steps, and a parameter on its way; no line leaves its panel."""
    in_time, found = not parameters.shuffle_seq, vary(parameters, name)
    assert found.values[found.current] == getattr(parameters, name)
    for picture, count in (
        (ten_digits(ten_samples(parameters), digit, in_time=in_time), 10),
        (eight_steps(telling_samples(parameters), digit), 9),
        (variation(found, digit, name, in_time=in_time), len(found.values)),
    ):
        assert picture.count("<svg ") - picture.count("<figcaption>9 shuffle<") == count
        paths = re.findall(r' d="M([^"hV]+)[^V"]*"', picture)
        numbers = [float(number) for path in paths for number in re.split("[L ]", path)]
        assert all(0 <= number <= 150 for number in numbers)


def test_the_published_samples_come_first() -> None:
    """The large pictures with the default parameters show the first sample of each digit in the data."""
    data = make_dataset(seed=7)
    published = np.concatenate([data.x, data.x_test])[first_rows(np.concatenate([data.y, data.y_test]), 1)[:, 0]]
    shown = ten_samples(Parameters(seed=7)).x
    slope, height = np.polyfit(shown.ravel(), published.ravel(), 1)  # the dataset is brought to mean 0 and std 1
    np.testing.assert_allclose(slope * shown + height, published, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SAME)
def test_a_parameter_changes_only_its_step(name: str) -> None:
    """The steps before it stay, in samples of all ten digits, and its own step does what it says."""
    found = vary(SOME, name)
    last, most = found.samples[-1], found.values[-1]
    for value, sample in zip(found.values, found.samples, strict=True):
        np.testing.assert_array_equal(sample.labels, range(10))
        for kept in SAME[name].split():
            np.testing.assert_array_equal(getattr(sample, kept), getattr(last, kept))
        if name in ADDED:
            np.testing.assert_allclose(ADDED[name](sample), value / most * ADDED[name](last), rtol=0, atol=1e-12)
        if name == "max_translation":
            assert np.all(np.abs(sample.shifts - value / most * last.shifts) <= 1)
            rolled = [np.roll(row, shift) for row, shift in zip(sample.scaled, sample.shifts, strict=True)]
            np.testing.assert_array_equal(sample.translated, rolled)
        if name == "padding":
            assert np.all((value[0] <= sample.pads) & (sample.pads <= value[1]))
        if name == "shuffle_seq":
            np.testing.assert_array_equal(np.sort(sample.x), np.sort(last.x))
        if name == "seed":
            assert value == most or np.all(sample.scales != last.scales)


def test_hardness_of_one_sample() -> None:
    """One sample is enough, also to divide by its variation."""
    one = np.ones((1, 40)), np.zeros(1, int), np.ones((1, 40)), np.zeros(1, int)
    assert nearest_neighbour(*one) == linear(*one) == 100


def test_quiz() -> None:
    """Both kinds come up, all digits do, and the score counts each kind by itself."""
    questions = [ask(Parameters(), seed) for seed in range(100)]
    assert {question.digit for question in questions} == set(range(10))
    assert all(sum(question.kind == kind for question in questions) > 30 for kind in KINDS)
    score = Score().count("plain", True).count("plain", False).count("shuffled", False)
    assert (score.right, score.asked) == ({"plain": 1, "shuffled": 0}, {"plain": 2, "shuffled": 1})


def test_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder holds what its README says, with links both ways; a folder that exists is refused in a sentence."""
    folder = tmp_path / "space"
    assert main(["--space", str(folder)]) == 0
    assert f"hf upload {SPACE_ID} {folder}" in capsys.readouterr().out
    metadata = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert (folder / metadata["app_file"]).is_file()
    assert metadata["datasets"] == [DATASET_ID] == [REPO_ID]
    pinned = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9_-]+==[\d.]+", line) for line in pinned)
    with pytest.raises(SystemExit, match="2"):
        main(["--space", str(folder)])
    assert "give a new folder" in capsys.readouterr().err.splitlines()[-1]


# In a browser


def started(command: list[Any], **options: Any) -> tuple[subprocess.Popen[str], str, str]:
    """Start a server: the process, its address and what it printed until then."""
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([sys.executable, "-u", *command], **options)
    said = ""
    for line in process.stdout or ():
        said += line
        if found := re.search(r"http://127[.\d]+:\d+", line):
            return process, f"{found[0]}/", said
    pytest.fail(said)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, served from the folder of the Space as it would be there."""
    if MISSING or BROWSER is None:
        pytest.skip(NEEDED)
    folder = tmp_path_factory.mktemp("served") / "space"
    main(["--space", str(folder)])
    process, address, _ = started(["app.py"], cwd=folder, env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"})
    yield address
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def page(server: str) -> Iterator[Any]:
    """A page of a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=SWITCHES)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(60_000)
        yield context.new_page()
        browser.close()


def opened(page: Any, address: str) -> None:
    """Wait until the page is loaded and measured."""
    page.goto(address)
    page.wait_for_selector("#picture svg")
    page.wait_for_selector("#difficulty .bar")


def box(page: Any, selector: str) -> dict[str, float]:
    """The place of an element in the window."""
    place = "element => element.getBoundingClientRect().toJSON()"
    found: dict[str, float] = page.locator(selector).first.evaluate(place)
    return found


@pytest.mark.slow
def test_port_in_use(server: str) -> None:
    """The explorer takes the next one, and says so."""
    port = int(re.findall(r"\d+", server)[-1])
    process, address, said = started(["-m", "explorer", "--no-browser", "--port", str(port)], cwd=ROOT)
    process.terminate()
    process.communicate(timeout=30)
    assert said.startswith(f"Port {port} is in use")
    assert address != server
    assert "Ctrl+C" in said


@pytest.mark.slow
def test_move_see_copy_run(server: str, page: Any) -> None:
    """A slider moves by keyboard, the picture changes, and the copied code and the file give the array of the link."""
    opened(page, server)
    before = page.locator("#picture").inner_html()
    slider = page.locator("#shear_scale input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    page.wait_for_function("before => document.querySelector('#picture').innerHTML !== before", arg=before)
    assert page.locator("#preset input").input_value() == "your own"
    page.locator("#effect", has_text="How much signals lean").wait_for()
    shear = float(slider.input_value())
    address = f"{server}?shear_scale={shear:g}"
    page.get_by_role("tab", name="Code").click()
    shown = "wanted => document.querySelector('#link input, #link textarea').value === wanted"
    page.wait_for_function(shown, arg=address)
    page.evaluate("navigator.clipboard.writeText('')")
    page.locator("#arrays button[title*='opy'], #arrays button[aria-label*='opy']").first.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
    names: dict[str, Any] = {}
    exec(page.evaluate("navigator.clipboard.readText()"), names)
    data: Dataset = names["data"]
    np.testing.assert_array_equal(names["x"], make_dataset(shear_scale=shear).x)
    page.get_by_role("tab", name="File").click()
    page.get_by_label("NumPy").check()
    page.locator("#make").click()
    with page.expect_download() as download:
        page.locator("#file a[download]").first.click()
    with np.load(io.BytesIO(Path(download.value.path()).read_bytes())) as kept:
        np.testing.assert_array_equal(kept["x_test"], data.x_test)
    opened(page, address)
    assert float(page.locator("#shear_scale input[type=range]").input_value()) == shear


@pytest.mark.slow
def test_wrong_values(server: str, page: Any) -> None:
    """The page says what `Parameters` says, next to the control, and keeps the picture; so it does for a link."""
    opened(page, server)
    for name, text in (("seed", "-1"), ("seed", ""), ("max_translation", "-5")):
        page.locator(f"#{name} input[type=number]").fill(text)
        sentence = f"{name}={text or None} is not allowed: give an integer from"
        page.locator(f"#{name}-problem [role=alert]", has_text=sentence).wait_for()
        assert page.locator("#picture svg").count() == 10
        page.locator(f"#{name} input[type=number]").fill("80")
    page.locator("#max_translation-problem", has_text="above the signal's 72 points").wait_for()
    low, high = (page.locator(f"#padding-{end} input[type=number]") for end in (0, 1))
    for moved, other, value in ((low, high, "90"), (high, low, "20")):  # the ends push each other
        moved.fill(value)
        page.locator("#effect .chosen", has_text=value).wait_for()
        assert other.input_value() == value
    for query, sentence in (
        ("padding=60,36", "padding=(60, 36) is not allowed: give two integers"),
        ("num_samples=100000000", "num_samples=100000000 is beyond this page"),
        ("shear=2", "The link has shear, which is not a parameter and was ignored. Did you mean shear_scale?"),
    ):
        opened(page, f"{server}?{query}")
        page.locator("#notice", has_text=sentence).wait_for()


@pytest.mark.slow
def test_presets_and_quiz(server: str, page: Any) -> None:
    """A preset moves the sliders and shows the trained models; the quiz hides the answers and counts."""
    opened(page, server)
    page.locator("#preset input").click()
    page.get_by_role("option", name="shuffled").click()
    page.locator("#difficulty", has_text=re.compile(r"CNN\s*56%")).wait_for()
    assert page.locator("#shuffle_seq input").is_checked()
    page.set_viewport_size({"width": 375, "height": 667})
    page.get_by_role("tab", name="Quiz").click()
    page.wait_for_selector("#question svg")
    assert not page.locator("#picture").is_visible()
    page.locator("#answer-3").focus()
    page.keyboard.press("Enter")
    page.locator("#verdict svg").wait_for()
    page.locator("#tally", has_text="of 1").wait_for()
    said = page.locator("#verdict").inner_text()
    assert re.search(r"a [0-79]|an 8", said)
    assert ("1 of 1" in page.locator("#tally").inner_text()) == ("Right" in said)
    page.evaluate("window.scrollTo(0, 0)")
    assert box(page, "#tally")["bottom"] <= 667


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_fits(server: str, page: Any, mode: str, width: int) -> None:
    """No tab is wider than the screen, the picture stays in sight, nothing covers it or comes from elsewhere."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme=mode)
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, server)
    assert box(page, "#picture")["width"] >= 340
    if width == 1280:
        assert max(box(page, shown)["bottom"] for shown in ("#effect", "#difficulty")) <= 800
    styles = ("document.body).backgroundColor", "document.querySelector('.digit')).stroke")
    colours = [page.evaluate(f"getComputedStyle({style}") for style in styles]
    page_colour, digit = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert (page_colour > 600) == (mode == "light")
    assert abs(page_colour - digit) > 300
    page.locator("#preset input").click()
    options, picture = box(page, "#preset .options"), box(page, "#picture")
    assert options["top"] >= picture["bottom"] or options["left"] >= picture["right"]
    page.keyboard.press("Escape")
    page.locator("#train_split input[type=range]").focus()
    assert 0 <= box(page, "#picture svg")["top"] < 200
    for _ in range(24):  # back up through the controls
        page.keyboard.press("Shift+Tab")
        focused, stage = box(page, "*:focus"), box(page, "#stage")
        assert focused["top"] >= stage["bottom"] or focused["left"] >= stage["right"]
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.locator("[role=tabpanel]:visible").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith((server, "data:", "blob:")) for url in asked)
