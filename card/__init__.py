"""What MNIST-1D says of itself on the Hub."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from publisher.card import Card
from publisher.configs import Config

REPO_ID = "christopher/mnist1d"

# Test accuracy in percent of each model: the authors' and the one found again, by config
MODELS = (
    {
        "name": "logistic regression",
        "parameters": 410,
        "default": ("32", "31.6 ± 0.1"),
        "shuffled": ("32", "31.5 ± 0.1"),
        "large-padding": ("", "21.8"),
    },
    {
        "name": "MLP, 100 wide, one residual hidden layer",
        "parameters": 15_210,
        "default": ("68", "65.0 ± 1.6"),
        "shuffled": ("68", "65.1 ± 1.6"),
        "large-padding": ("", "35.4 ± 1.0"),
    },
    {
        "name": "CNN, 25 channels, kernels 5, 3, 3",
        "parameters": 5_210,
        "default": ("94", "93.7 ± 0.6"),
        "shuffled": ("56", "57.0 ± 1.8"),
        "large-padding": ("", "89.8 ± 1.2"),
    },
    {
        "name": "GRU, bidirectional, 6 hidden",
        "parameters": 5_134,
        "default": ("91", "90.6 ± 1.8"),
        "shuffled": ("57", "54.1 ± 1.3"),
        "large-padding": ("", ""),
    },
)


def parameters(config: Config) -> Iterator[tuple[str, Any]]:
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
