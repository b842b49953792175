"""The explorer: code that gives the data, files that read back, pictures of anything, and the page in a browser."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
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
from explorer.drawing import draw, looks_the_same, vary
from explorer.files import WRITE, write
from explorer.hardness import linear, nearest_neighbour
from explorer.links import link, read_query
from explorer.pictures import eight_steps, ten_digits, variation
from explorer.presets import presets
from explorer.quiz import KINDS, Score, ask
from explorer.snippets import arrays_code, builder_code, publish_command
from generator import RECIPES, Dataset, Parameters, make_dataset
from mnist1d import Mnist1D

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
NEEDED = 'needs the extra [explorer], Playwright from PyPI and Chromium: pip install -e ".[explorer]" playwright'
FOLDER = Path(__file__).parents[1] / "explorer"
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SOME = Parameters(num_samples=500, padding=(20, 50), shear_scale=1.5, seed=7)


def explored() -> st.SearchStrategy[Parameters]:
    """Parameters that the sliders can stand at, few samples."""
    named: dict[str, st.SearchStrategy[Any]] = {"seed": st.integers(0, 2**32 - 1), "shuffle_seq": st.booleans()}
    for parameter in fields(Parameters):
        if explore := parameter.metadata["explore"]:
            low, high, _ = explore
            if isinstance(parameter.default, tuple):
                named[parameter.name] = st.tuples(st.integers(low, high), st.integers(low, high)).map(
                    lambda pair: (min(pair), max(pair))
                )
            else:
                integer = isinstance(parameter.default, int)
                named[parameter.name] = st.integers(low, high) if integer else st.floats(low, high)
    named["num_samples"] = st.integers(100, 300).map(lambda tens: tens // 10 * 10)
    return st.builds(Parameters, **named)


@settings(max_examples=40)
@given(parameters=explored())
def test_links_and_code_say_the_same(parameters: Parameters) -> None:
    """A link reads back, and so do the three pieces of code, all to the same parameters."""
    query = dict(part.split("=") for part in filter(None, link(parameters).partition("?")[2].split("&")))
    assert read_query(query) == parameters
    names: dict[str, Any] = {"make_dataset": lambda drawn: drawn}
    code = arrays_code(parameters)
    exec(re.sub(r"(?m)^(from|x, y).*$", "", code), {"Parameters": Parameters, **names}, names)
    assert names["data"] == parameters
    exec("\n".join(builder_code(parameters).splitlines()[:-2]), names)
    assert names["builder"].config.parameters == parameters


def test_wrong_links() -> None:
    """They end in the sentence of `Parameters`; what is no parameter is left alone."""
    assert read_query({"__theme": "dark"}) == Parameters()
    for name, text, shown in (("seed", "-1", "-1"), ("padding", "9,1", r"\(9, 1\)"), ("seed", "x", "'x'")):
        with pytest.raises(ValueError, match=rf"^{name}={shown} is not allowed: give "):
            read_query({name: text})


def test_publish_command() -> None:
    """The options are those of the command, which takes them."""
    from publisher.options import read_settings

    command = publish_command(SOME)
    listed = [part.strip("'") for part in re.findall(r"--set ('.+?'|\S+)", command)]
    config = re.search(r"--config (\S+)", command)
    assert config
    builder = Mnist1D(config[1], **read_settings("--set", listed))
    assert builder.config.parameters == SOME


def test_presets_are_the_configs_and_recipes() -> None:
    """Each of them once, but those that are the default data."""
    assert list(presets())[: len(Mnist1D.builder_configs)] == list(Mnist1D.builder_configs)
    wanted = {recipe.parameters for recipe in RECIPES.values()} | {
        c.parameters for c in Mnist1D.builder_configs.values()
    }
    assert set(presets().values()) == wanted


@pytest.mark.parametrize("kind", WRITE)
def test_files_read_back(kind: str, tmp_path: Path) -> None:
    """All values, to the last bit, and which split they belong to."""
    data = make_dataset(SOME)
    path = write(data, kind, tmp_path)
    if kind == "NumPy":
        with np.load(path) as kept:
            assert all(np.array_equal(kept[name], getattr(data, name)) for name in ("x", "y", "x_test", "y_test", "t"))
        return
    table = pyarrow.parquet.read_table(path) if kind == "Parquet" else pyarrow.csv.read_csv(path)
    train = np.array(table["split"]) == "train"
    points = np.array(table["x"].to_pylist()) if kind == "Parquet" else np.column_stack(table.columns[2:])
    np.testing.assert_array_equal(points[train], data.x)
    np.testing.assert_array_equal(points[~train], data.x_test)
    np.testing.assert_array_equal(np.array(table["y"])[train], data.y)


@settings(max_examples=20)
@given(
    parameters=explored(), digit=st.integers(0, 9), name=st.sampled_from([field.name for field in fields(Parameters)])
)
def test_every_picture_is_drawn(parameters: Parameters, digit: int, name: str) -> None:
    """Wherever the sliders stand: ten digits, all steps, and a parameter on its way; no line leaves its panel."""
    in_time = not parameters.shuffle_seq
    try:
        drawn = draw(parameters)
        found = None if looks_the_same(name) else vary(parameters, name, digit)
    except ValueError:  # which the page says
        return
    pictures = [(ten_digits(drawn, in_time=in_time), 10), (eight_steps(drawn.samples, digit), 9)]
    if found:
        pictures.append((variation(found, name, in_time=in_time), len(found.values)))
    for picture, count in pictures:
        assert picture.count("<svg ") - picture.count("<figcaption>shuffle<") == count
        paths = re.findall(r' d="M([^"h]+)', picture)
        numbers = [float(number) for path in paths for number in re.split("[L ]", path)]
        assert all(0 <= number <= 150 for number in numbers)


def test_what_shear_scale_does() -> None:
    """The same sample leans more from panel to panel, and nothing else of it changes."""
    found = vary(Parameters(), "shear_scale", 5)
    x = np.array([sample.x[0] for sample in found.samples])
    slopes = np.polyfit(np.arange(x.shape[1]), x.T, 1)[0]
    steps = np.diff(slopes)
    assert found.values[0] == 0
    np.testing.assert_allclose(steps, steps[0])
    assert abs(steps[0]) > 0.005
    lines = np.diff(x, axis=0)
    np.testing.assert_allclose(np.diff(lines, 2), 0, atol=1e-12)


def test_hardness() -> None:
    """As measured for the card; what does not vary with the digit is guessing; one sample will do."""
    data = make_dataset()
    arrays = data.x, data.y, data.x_test, data.y_test
    assert nearest_neighbour(*arrays) == 56.7
    assert 31 < linear(*arrays) < 33
    random = np.random.default_rng(0).normal(size=data.x.shape)
    assert nearest_neighbour(random, data.y, random[:1000], data.y_test) < 15
    assert linear(np.zeros_like(data.x), data.y, data.x_test * 0, data.y_test) < 15
    one = data.x[:1], data.y[:1], data.x[:1], data.y[:1]
    assert nearest_neighbour(*one) == linear(*one) == 100


def test_quiz() -> None:
    """Both kinds come up, all digits do, and the score counts each kind by itself."""
    questions = [ask(Parameters(), seed) for seed in range(100)]
    assert {question.kind for question in questions} == set(KINDS)
    assert {question.digit for question in questions} == set(range(10))
    assert 30 < sum(question.kind == "plain" for question in questions) < 70
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
    code = "import sys; sys.path[0] = sys.argv[1]\nimport explorer as e, mnist1d as m; print(e.__file__, m.__file__)"
    ran = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.count(str(folder)) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--space", str(folder)])
    assert "give a new folder" in capsys.readouterr().err.splitlines()[-1]


def test_without_gradio() -> None:
    """One sentence that says what to install."""
    program = "import sys; sys.modules['gradio'] = None\nfrom explorer.__main__ import main\nsys.exit(main([]))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "[explorer]" in ended.stderr


def test_card_links_to_the_explorer(built: Path) -> None:
    """With the parameters of each config."""
    card = (built / "README.md").read_text(encoding="utf-8")
    for config in Mnist1D.builder_configs.values():
        assert f"]({link(config.parameters)})" in card


# In a browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, served from the folder of the Space as it would be there."""
    if MISSING or BROWSER is None:
        pytest.skip(NEEDED)
    folder = tmp_path_factory.mktemp("served") / "space"
    main(["--space", str(folder)])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_SERVER_PORT": str(port)}
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}/"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(240):
            if process.poll() is not None:
                pytest.fail(log.read_text())
            try:
                direct.open(address, timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def page(server: str) -> Iterator[Any]:
    """A page of a browser that reaches nothing but the server; what it misses is kept in `outside`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=SWITCHES)
        context = browser.new_context(viewport={"width": 1000, "height": 900}, accept_downloads=True)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(60_000)
        page = context.new_page()
        yield page
        browser.close()


def opened(page: Any, address: str) -> Any:
    """The page, loaded and measured."""
    page.goto(address)
    page.wait_for_selector("#picture svg")
    page.wait_for_selector("#hardness .bar")
    return page


def copied(page: Any, what: str) -> str:
    """What the button of a piece of code puts on the clipboard."""
    page.evaluate("navigator.clipboard.writeText('')")
    page.locator(f"#{what} button[title*='opy'], #{what} button[aria-label*='opy']").first.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.slow
def test_move_see_copy_run(server: str, page: Any, tmp_path: Path) -> None:
    """A slider moves by keyboard, the picture changes, and the copied code and the file give the array of the link."""
    opened(page, server)
    before = page.locator("#picture").inner_html()
    slider = page.locator("#shear_scale input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    page.wait_for_function("before => document.querySelector('#picture').innerHTML !== before", arg=before)
    assert page.locator("#preset input").input_value() == "your own"
    shear = float(slider.input_value())
    assert shear != 0.75
    address = f"{server}?shear_scale={shear:g}"
    page.get_by_role("tab", name="Code").click()
    page.wait_for_function(
        "wanted => document.querySelector('#link input, #link textarea').value === wanted", arg=address
    )
    code = copied(page, "arrays")
    names: dict[str, Any] = {}
    exec(code, names)
    data: Dataset = names["data"]
    np.testing.assert_array_equal(names["x"], make_dataset(Parameters(shear_scale=shear)).x)
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
    """The page says what `Parameters` says, and keeps the picture; so it does for a link."""
    opened(page, server)
    picture = page.locator("#picture svg").count()
    page.locator("#seed input").fill("-1")
    page.locator("#seed input").blur()
    sentence = page.locator(
        "#notice [role=alert]", has_text="seed=-1 is not allowed: give an integer from 0 to 4294967295"
    )
    sentence.wait_for()
    assert page.locator("#picture svg").count() == picture == 10
    opened(page, f"{server}?padding=60,36")
    page.locator("#notice", has_text="padding=(60, 36) is not allowed: give two integers").wait_for()
    opened(page, f"{server}?num_samples=100000000")
    page.locator("#notice", has_text="num_samples=100000000 is beyond this page").wait_for()


@pytest.mark.slow
def test_presets_and_quiz(server: str, page: Any) -> None:
    """A preset moves the sliders; the quiz counts an answer."""
    opened(page, server)
    page.locator("#preset input").click()
    page.get_by_role("option", name="large-padding").click()
    page.wait_for_function("document.querySelector('#final_seq_length input[type=range]').value === '80'")
    page.get_by_role("tab", name="Quiz").click()
    page.wait_for_selector("#question svg")
    page.locator("#answer-3").focus()
    page.keyboard.press("Enter")
    page.locator("#verdict svg").wait_for()
    page.locator("#tally", has_text="of 1").wait_for()
    right = "Right" in page.locator("#verdict").inner_text()
    assert ("1 of 1" in page.locator("#tally").inner_text()) == right


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1000])
def test_fits(server: str, page: Any, mode: str, width: int) -> None:
    """Nothing is wider than the screen, the digits stand out from the page, and nothing is fetched from elsewhere."""
    outside: list[str] = []
    page.on(
        "request",
        lambda request: outside.append(request.url) if not request.url.startswith((server, "data:", "blob:")) else None,
    )
    page.emulate_media(color_scheme=mode)
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, server)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.digit')).stroke]"
    )
    page_colour, digit = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert (page_colour > 600) == (mode == "light")
    assert abs(page_colour - digit) > 300
    page.locator("#seed").scroll_into_view_if_needed()
    assert page.evaluate("window.scrollY") > 500
    assert 0 <= page.locator("#picture svg").first.bounding_box()["y"] < 100  # the picture stays in sight
    assert not outside
