"""The dataset card of MNIST-1D on the Hub."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

try:
    from card import variant
    from card.table import MNIST, Model, read_table
    from explorer.links import SPACE, link
    from generator.sharded import SHARD_ROWS
    from publisher import Card
    from publisher.prepare.configs import ConfigCard
except ImportError as error:
    from mnist1d import refuse_hidden  # not above: a slip in a declaration is a different error

    refuse_hidden(error)
    raise

REPO_ID = "christopher/mnist1d"

SHUFFLED = "shuffled"  # what the authors call so; a test says whether the config is still named like this
# Keys as in `tools/benchmarks/models.py`; test accuracy in percent by dataset, from the table of the authors:
# https://github.com/greydanus/mnist1d#readme
MODELS = {
    "logistic": Model("logistic regression", {MNIST: "92", "default": "32", SHUFFLED: "32"}),
    "mlp": Model("MLP, 100 wide, one residual hidden layer", {MNIST: "99+", "default": "68", SHUFFLED: "68"}),
    "cnn": Model("CNN, 25 channels, kernels 5, 3, 3", {MNIST: "99+", "default": "94", SHUFFLED: "56"}),
    "gru": Model("GRU, bidirectional, 6 hidden", {MNIST: "99+", "default": "91", SHUFFLED: "57"}),
    # Newer models, which are not in that table
    "resnet": Model(
        "ResNet, three residual blocks, 24 channels",
        {},
        "[Wang et al. (2017)](https://doi.org/10.1109/IJCNN.2017.7966039)",
    ),
    "tcn": Model(
        "TCN, dilated causal convolutions, 20 channels", {}, "[Bai et al. (2018)](https://github.com/locuslab/TCN)"
    ),
    "inception": Model(
        "InceptionTime, one residual block of three modules, 32 channels",
        {},
        "[Fawaz et al. (2020)](https://doi.org/10.1007/s10618-020-00710-y)",
    ),
}
HUMAN = {MNIST: "99+", "default": "96", SHUFFLED: "about 30"}
MEANINGS = {  # of the parameters, for a column of the card
    "num_samples": "samples in train and test together",
    "train_split": "share of them in train",
    "template_len": "points of a digit before padding",
    "padding": "fewest and most zeros added to it: the more, the narrower the digit",
    "scale_coeff": "how much amplitudes vary",
    "max_translation": "how far the digit moves along the signal",
    "corr_noise_scale": "strength of the smooth noise around the digit",
    "iid_noise_scale": "strength of the white noise on all points",
    "shear_scale": "how much signals are tilted",
    "shuffle_seq": "True: all samples have their points in one random order",
    "final_seq_length": "points of a sample",
    "seed": "seed of the random numbers: another one gives other samples",
}
VERSIONS = {  # of the data, the newest first: `VERSION` in mnist1d.py -> what changed for readers
    "1.0.0": "the first.",
}
# What `python tools/benchmarks/models.py` wrote
RESULTS = Path(__file__).with_name("models.json")


def parameters(config: ConfigCard) -> Iterator[tuple[str, Any]]:
    """Name and value of each parameter of a config."""
    yield from asdict(config.builder_config.parameters).items()


METADATA = {
    "license": "apache-2.0",
    "annotations_creators": ["machine-generated"],
    "source_datasets": ["original"],
    "task_categories": ["tabular-classification"],
    "tags": ["mnist-1d", "synthetic", "sequence-classification", "timeseries", "education"],
}
VARIANT_FUNCTIONS = {
    function.__name__: function
    for function in (
        variant.builder_call,
        variant.changed,
        variant.differences,
        variant.is_large,
        variant.parameters_call,
        variant.shown,
    )
}
VARIANT = Card(
    template=Path(__file__).with_name("variant.md.jinja"),
    metadata={"pretty_name": "MNIST-1D, a variant", **METADATA},
    context={
        "variant": VARIANT_FUNCTIONS,
        "meanings": MEANINGS,
        "parameters": parameters,
        "shard_rows": SHARD_ROWS,
    },
)
CARD = Card(
    template=Path(__file__).with_name("README.md.jinja"),
    metadata={"pretty_name": "MNIST-1D", **METADATA},
    context={
        "table": read_table(MODELS, RESULTS),
        "human": HUMAN,
        "meanings": MEANINGS,
        "versions": VERSIONS,
        "parameters": parameters,
        "explorer": SPACE,
        "explorer_link": link,
    },
    assets=Path(__file__).with_name("assets"),  # drawn by `python -m tools.figures`
    variant=VARIANT,
)
