"""What MNIST-1D says of itself on the Hub."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from publisher.card import Card
from publisher.configs import BuiltConfig

REPO_ID = "christopher/mnist1d"

# Model, number of parameters, and test accuracy: the authors' and ours, on default and shuffled, and on large-padding
MODELS = (
    ("logistic regression", "410", "32", "31.6 ± 0.1", "32", "31.5 ± 0.1", "21.8"),
    ("MLP, 100 wide, one residual hidden layer", "15,210", "68", "65.0 ± 1.6", "68", "65.1 ± 1.6", "35.4 ± 1.0"),
    ("CNN, 25 channels, kernels 5, 3, 3", "5,210", "94", "93.7 ± 0.6", "56", "57.0 ± 1.8", "89.8 ± 1.2"),
    ("GRU, bidirectional, 6 hidden", "5,134", "91", "90.6 ± 1.8", "57", "54.1 ± 1.3", ""),
)


def parameters(config: BuiltConfig) -> Iterator[tuple[str, Any]]:
    """Name and value of each parameter of a config."""
    yield from asdict(config.config.parameters).items()


CARD = Card(
    template=Path(__file__).with_name("README.md.jinja"),
    metadata={
        "pretty_name": "MNIST-1D",
        "license": "apache-2.0",
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
        "task_categories": ["tabular-classification"],
        "tags": ["mnist-1d", "synthetic", "sequence-classification", "time-series", "education"],
    },
    context={"models": MODELS, "parameters": parameters},
)
