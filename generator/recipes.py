"""The parameters of the experiments that MNIST-1D is known from, by name.

>>> from generator import RECIPES, make_dataset
>>> data = make_dataset(RECIPES["udl-8.3"].parameters)
>>> data.x.shape, data.x_test.shape
((4000, 40), (4000, 40))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from generator.parameters import Parameters

AUTHORS = "https://github.com/greydanus/mnist1d/blob/master/notebooks/"
UDL = "https://github.com/udlbook/udlbook/blob/main/Notebooks/"  # S. Prince, "Understanding Deep Learning", 2023


@dataclass(frozen=True)
class Recipe:
    """The data of one experiment.

    Attributes
    ----------
    experiment : str
        What it is for.
    source : str
        Where the parameters are from.
    parameters : Parameters
    label_noise : float
        Share of the training samples whose label the experiment then draws at random, by itself.
    """

    experiment: str
    source: str
    parameters: Parameters = field(default_factory=Parameters)
    label_noise: float = 0.0


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "udl-8.1": Recipe("MNIST-1D performance", UDL + "Chap08/8_1_MNIST_1D_Performance.ipynb"),
        "udl-8.3": Recipe(
            "Double descent",
            UDL + "Chap08/8_3_Double_Descent.ipynb",
            Parameters(num_samples=8000, train_split=0.5),
            label_noise=0.15,
        ),
        "udl-9.5": Recipe("Augmentation", UDL + "Chap09/9_5_Augmentation.ipynb"),
        "udl-10.2": Recipe("Convolution for MNIST-1D", UDL + "Chap10/10_2_Convolution_for_MNIST_1D.ipynb"),
        "udl-11.2": Recipe("Residual networks", UDL + "Chap11/11_2_Residual_Networks.ipynb"),
        "udl-11.3": Recipe("Batch normalization", UDL + "Chap11/11_3_Batch_Normalization.ipynb"),
        "udl-20.1": Recipe("Random data", UDL + "Chap20/20_1_Random_Data.ipynb"),
        "udl-20.2": Recipe("Full batch gradient descent", UDL + "Chap20/20_2_Full_Batch_Gradient_Descent.ipynb"),
        "udl-20.3": Recipe("Lottery tickets", UDL + "Chap20/20_3_Lottery_Tickets.ipynb"),
        "classification": Recipe("The table of models", AUTHORS + "mnist1d-classification.ipynb"),
        "self-supervised": Recipe("Self-supervised learning", AUTHORS + "self-supervised-learning.ipynb"),
        "learning-rate": Recipe("Metalearning a learning rate", AUTHORS + "metalearn-learn-rate.ipynb"),
        "lottery-tickets": Recipe("Lottery tickets", AUTHORS + "lottery-tickets.ipynb"),
        "lottery-tickets-again": Recipe(
            "Lottery tickets, a second draw", AUTHORS + "lottery-tickets.ipynb", Parameters(seed=43)
        ),
        "double-descent": Recipe(
            "Deep double descent",
            AUTHORS + "deep-double-descent.ipynb",
            Parameters(num_samples=16_000, train_split=0.25),
            label_noise=0.15,
        ),
        "activation-function": Recipe(
            "Metalearning an activation function",
            AUTHORS + "metalearn-activation-function.ipynb",
            Parameters(num_samples=10_000),
        ),
        **{
            f"pooling-{samples}": Recipe(
                f"Benchmarking pooling, {samples - 1000:,} training samples",
                AUTHORS + "benchmark-pooling.ipynb",
                Parameters(num_samples=samples, train_split=1 - 1000 / samples),
            )
            for samples in (2000, 3000, 6000, 11_000, 21_000, 51_000)
        },
    }
)
