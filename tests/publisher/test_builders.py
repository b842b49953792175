"""From a loading script, as people have them, to a repository: `publish-dataset SOURCE REPO_ID`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, load_dataset
from huggingface_hub import HfApi

from loopback import Hub
from tests.builders import SCRIPT, script
from tests.commands import run_command

TEXTS = """
import datasets
from datasets import QuestionAnsweringExtractive, TextClassification
from datasets.tasks import Summarization

import words
from .labels import LABELS


class Corpus(datasets.GeneratorBasedBuilder):
    def _info(self):
        return datasets.DatasetInfo(
            description="Short texts | with labels.",
            citation="@misc{short, title={Short texts}}",
            homepage="https://example.org/texts",
            license="CC BY 4.0",
            features=datasets.Features(
                {
                    "text": datasets.Value("string"),
                    "label": datasets.ClassLabel(names=LABELS),
                    "spans": datasets.Sequence({"start": datasets.Value("int32"), "word": datasets.Value("string")}),
                }
            ),
            task_templates=[TextClassification(text_column="text", label_column="label")],
        )

    def _generate_examples(self, file):
        with open(file, encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                text, label = line.rstrip("\\n").split("\\t")
                yield number, {"text": text, "label": label, "spans": words.spans(text)}


class ShortTexts(Corpus):
    BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in ("en", "de")]
    DEFAULT_CONFIG_NAME = "en"

    def _split_generators(self, dl_manager):
        file = dl_manager.download(f"data/{self.config.name}.tsv")
        return [datasets.SplitGenerator(name=datasets.Split.TRAIN, gen_kwargs={"file": file})]
"""
FILES = {
    "short-texts.py": TEXTS,
    "labels.py": 'LABELS = ["bad", "good"]\n',
    "words.py": "def spans(text):\n    return [{'start': text.index(word), 'word': word} for word in text.split()]\n",
    "data/en.tsv": "so good\tgood\nbad\tbad\n",
    "data/de.tsv": "sehr gut\tgood\n",
    # of an earlier version, as so often
    "dataset_infos.json": '{"en": {"splits": {"train": {"name": "train", "num_bytes": 1, "num_examples": 7}}}}',
    "README.md": "---\ndataset_info:\n  config_name: en\n  splits:\n  - name: train\n    num_examples: 7\n---\n",
}
ROWS = [
    {"text": "so good", "label": 1, "spans": {"start": [0, 3], "word": ["so", "good"]}},
    {"text": "bad", "label": 0, "spans": {"start": [0], "word": ["bad"]}},
]
PLAIN = dict.fromkeys(("head", "info"), "") | {"body": "pass", "splits": "pass", "given": "{}"}
REFUSED = {  # a script -> the sentence
    "import datasets\n": "mine.py does not define a builder",
    "import datasets\nraise KeyError('x')\n": "mine.py, line 2: KeyError: 'x'",
    "import datasets\ndef:\n": "mine.py, line 2: SyntaxError: invalid syntax. It",
    "import datasets\nexit(3)\n": "mine.py, line 2: SystemExit",
    "import no_such_thing\n": "mine.py imports no_such_thing, which is not installed",
    "from .beside import x\n": "mine.py imports beside.py, which is not next to it",
    "import apache_beam\nimport datasets\nclass B(datasets.BeamBasedBuilder):\n    pass\n": "B is a Beam builder",
    SCRIPT.format(**PLAIN | {"body": "manual_download_instructions = 'Get it at the counter.'", "rows": "yield"}): (
        "Get it at the counter.: then give their folder as --data-dir"
    ),
    SCRIPT.format(**PLAIN, rows="yield 0, {'a': 1 / 0}"): "mine.py, line 11: ZeroDivisionError",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script."""
    folder = tmp_path / "short-texts"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize("source", ["short-texts", "short-texts/short-texts.py:ShortTexts"])
def test_publish(source: str, folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are the script's, the card says what it says, and a second run finds nothing to do."""
    monkeypatch.chdir(folder.parent)
    assert run_command([source, "tester/texts"]).exit_code == 0
    commit = HfApi().dataset_info("tester/texts").sha
    train = load_dataset("tester/texts", split="train")
    assert train.to_list() == ROWS
    assert isinstance(train.features["label"], ClassLabel)
    assert load_dataset("tester/texts", "de", split="train").num_rows == 1
    card = Path(HfApi().hf_hub_download("tester/texts", "README.md", repo_type="dataset")).read_text(encoding="utf-8")
    shown = ("# short texts", "Short texts | with labels.", "<https://example.org/texts>", "@misc{short", "CC BY 4.0")
    assert [text for text in (*shown, "| label | class label of 2: bad, good |") if text not in card] == []
    assert run_command([source, "tester/texts", "--verify"]).exit_code == 0
    assert run_command([source, "tester/texts"]).exit_code == 0
    assert HfApi().dataset_info("tester/texts").sha == commit
    assert sorted(path.name for path in folder.iterdir()) == sorted({name.partition("/")[0] for name in FILES})


def rows_of(source: Path, tmp_path: Path, *more: object, config: str | None = None) -> list[Any]:
    """The rows of a script, by way of a folder."""
    out = tmp_path / "out"
    assert run_command([source, "me/mine", *more, "--output-dir", out]).exit_code == 0
    return list(load_dataset(str(out), config, split="train").with_format("arrow")[:].to_pylist())


def test_a_card_of_ones_own(folder: Path, tmp_path: Path) -> None:
    """Use another template in place of the packaged one."""
    (tmp_path / "own.md.jinja").write_text("# Mine, {{ configs | length }} configs\n")
    assert rows_of(folder, tmp_path, "--card", tmp_path / "own.md.jinja")
    assert "# Mine, 2 configs\n" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(("code", "said"), REFUSED.items(), ids=REFUSED.values())
def test_refused(code: str, said: str, tmp_path: Path) -> None:
    """Print one sentence, with the line of the script if there is one; with --traceback also the places."""
    (tmp_path / "mine.py").write_text(code)
    arguments = [tmp_path / "mine.py", "me/mine", "--output-dir", tmp_path / "out"]
    assert said in run_command(arguments).refusal()
    place = re.search("mine.py, line ([0-9]+)", said)
    assert not place or f'mine.py", line {place[1]}' in run_command([*arguments, "--traceback"]).stderr


@pytest.mark.parametrize("source", ["nowhere.py", "no_such_module:Builder", "someone/dataset", "json:JSONDecoder", "."])
def test_no_such_source(source: str, tmp_path: Path) -> None:
    """Print one sentence."""
    run_command([tmp_path if source == "." else source, "me/mine"]).refusal()


def test_manual_data(tmp_path: Path) -> None:
    """From the folder that is given, by a script that knows no config but those that it declares."""
    (tmp_path / "by-hand").mkdir()
    (tmp_path / "by-hand" / "a.txt").write_text("one\ntwo\n")
    mine = script(
        tmp_path / "mine.py",
        head="from pathlib import Path",
        body="manual_download_instructions = '.'; BUILDER_CONFIGS = [datasets.BuilderConfig(name=n) for n in 'ab']",
        info="description={'a': 'A', 'b': 'B'}[self.config.name]",
        given="{'given': manager.manual_dir}",
        rows="return list(enumerate({'text': line} for line in Path(given, 'a.txt').read_text().split()))",
    )
    rows = rows_of(mine, tmp_path, "--data-dir", tmp_path / "by-hand", config="b")
    assert rows == [{"text": "one"}, {"text": "two"}]


def test_sounds_need_no_decoder(tmp_path: Path) -> None:
    """Files and their bytes go into the table as they are; nothing here can decode these."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    mine = script(
        tmp_path / "mine.py",
        info="features=datasets.Features({'a': datasets.Audio()})",
        given="{'given': manager.download('a.wav')}",
        rows="yield from enumerate([{'a': given}, {'a': {'path': 'archive/b.wav', 'bytes': b'RIFX'}}])",
    )
    sounds = [row["a"] for row in rows_of(mine, tmp_path)]
    assert sounds == [{"bytes": b"RIFF", "path": "a.wav"}, {"bytes": b"RIFX", "path": "b.wav"}]


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("from {}.helpers import ROWS", ""),
        ("from {}.helpers import ROWS", "hub hub/texts"),
        ("from ...{}.helpers import ROWS", ". hub hub/texts"),
    ],
)
def test_a_script_in_the_tree_of_a_package(line: str, packages: str, tmp_path: Path) -> None:
    """It finds the packages above it, by their names or, in a package itself, by relative imports."""
    library = tmp_path.name  # another one each time: modules stay imported
    for folder in ("hub/texts", library):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / library / "helpers.py").write_text("ROWS = [{'n': 1}]\n")
    for package in (library, *packages.split()):
        (tmp_path / package / "__init__.py").touch()
    head = line.format(library)
    texts = script(tmp_path / "hub" / "texts" / "texts.py", head=head, rows="yield from enumerate(ROWS)")
    assert rows_of(texts, tmp_path) == [{"n": 1}]
