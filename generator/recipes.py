"""The parameters of the experiments that MNIST-1D is known from, by name.

>>> from generator import RECIPES, make_dataset
>>> make_dataset(RECIPES["udl-8.3"])
Dataset(x=(4000, 40), y=(4000,), x_test=(4000, 40), y_test=(4000,), t=(40,), templates)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from generator.parameters import Parameters, shown, unknown_name

AUTHORS = "https://github.com/greydanus/mnist1d/blob/master/notebooks/"
UDL = "https://github.com/udlbook/udlbook/blob/main/Notebooks/"  # S. Prince, "Understanding Deep Learning", 2023


@dataclass(frozen=True)
class Recipe:
    """The data of one experiment.

    Attributes
    ----------
    experiment : str
        Its title.
    source : str
        The notebook with the parameters.
    parameters : Parameters
    label_noise : float
        Share of the training samples whose label the experiment draws at random: `make_dataset` adds it if asked to.
    """

    experiment: str
    source: str
    parameters: Parameters = field(default_factory=Parameters)
    label_noise: float = 0.0

    def __repr__(self) -> str:
        """The experiment, and what differs from the published data."""
        usual = asdict(Parameters())
        changed = [f"{name}={value!r}" for name, value in asdict(self.parameters).items() if value != usual[name]]
        noise = f", label_noise={self.label_noise}" if self.label_noise else ""
        return f"Recipe({self.experiment!r}, Parameters({', '.join(changed)}){noise})"


class Recipes(Mapping[str, Recipe]):
    """Recipes by name, which cannot be changed; the message for an unknown name gives the nearest one, and all."""

    def __init__(self, recipes: dict[str, Recipe]) -> None:
        self._recipes = recipes

    def __getitem__(self, name: str) -> Recipe:
        if name not in self._recipes:
            raise KeyError(unknown_name(name, self._recipes, "a recipe"))
        return self._recipes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)

    def __repr__(self) -> str:
        return f"<{len(self)} recipes: {', '.join(self)}>"


RECIPES: Mapping[str, Recipe] = Recipes(
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


def as_parameters(given: Parameters | Recipe | None, changed: Mapping[str, Any]) -> Parameters:
    """Parameters from an object, from a recipe, from single values by name, or from the first two with changes by name.

    Raises
    ------
    ValueError
        If `given` is something else, a name is unknown, or a value is not allowed; the message says what is.

    Examples
    --------
    >>> RECIPES["udl-8.3"]
    Recipe('Double descent', Parameters(num_samples=8000, train_split=0.5), label_noise=0.15)
    >>> as_parameters(RECIPES["udl-8.3"], {"seed": 7}) == Parameters(num_samples=8000, train_split=0.5, seed=7)
    True
    """
    names = [parameter.name for parameter in fields(Parameters)]
    if unknown := [name for name in changed if name not in names]:
        raise ValueError(unknown_name(unknown[0], names, "a parameter of MNIST-1D"))
    if isinstance(given, Recipe):
        given = given.parameters
    if not isinstance(given, Parameters | None):
        raise ValueError(
            f"parameters={shown(given)} is not allowed: give Parameters, a Recipe such as RECIPES['udl-8.3'], "
            "or single parameters by name, such as num_samples=8000"
        )
    return replace(given or Parameters(), **changed)
