"""The arrays of a dataset, in a dictionary whose keys are attributes as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.arrays import Floats, Integers
from generator.parameters import Parameters, unknown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Dataset(dict[str, Any]):
    """A dataset under the names of the authors' file: `data["x"]` and `data.x` are the same array.

    It is a dictionary, so `dict(data)`, `**data`, `data.items()` and pickling work, and new names may be added.

    Attributes
    ----------
    x, x_test : (n, final_seq_length) float64, or float32 on request
        Samples; train and test together have mean 0 and standard deviation 1.
    y, y_test : (n,) int64
        Digits 0 to 9; the classes are balanced over train and test together, not in each.
    t : (final_seq_length,), as x
        Positions of the points, divided by the same standard deviation.
    templates : dict
        `x` (10, 12), `t` (12,), `y` (10,): see `get_templates`.
    parameters : Parameters or None
        Parameters of the samples, where they are known. It is not a key.

    Examples
    --------
    >>> data = Dataset(x=np.zeros((3, 40)), y=np.arange(3))
    >>> data
    Dataset(x=(3, 40), y=(3,))
    >>> data.x is data["x"]
    True
    >>> data.x_tset
    Traceback (most recent call last):
    AttributeError: 'x_tset' is not in this dataset. Allowed: x, y.
    """

    x: Floats
    y: Integers
    x_test: Floats
    y_test: Integers
    t: Floats
    templates: dict[str, NDArray[Any]]
    parameters: Parameters | None

    def __init__(self, *arrays: Any, **named: Any) -> None:
        super().__init__(*arrays, **named)
        self.__dict__["parameters"] = None

    def __missing__(self, name: object) -> Any:
        raise KeyError(unknown_name(name, self, "in this dataset"))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "parameters":
            self.__dict__[name] = value
        else:
            self[name] = value

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),), dict(self.__dict__)

    def __repr__(self) -> str:
        shown = [f"{name}={array.shape}" if hasattr(array, "shape") else name for name, array in self.items()]
        return f"Dataset({', '.join(shown)})"

    def copy(self) -> Dataset:
        """Make a dataset of the same arrays, which are not copied; `copy.deepcopy` copies them."""
        other = Dataset(self)
        other.parameters = self.parameters
        return other

    def plot(self) -> Figure:
        """Draw the first sample of each digit, of train if it has one, time running down, with matplotlib.

        The points of the digit are shaded, if the dataset knows its parameters and has at most 100,000 samples.

        Returns
        -------
        matplotlib.figure.Figure
            A figure of pyplot: a notebook shows it once, and in a script `matplotlib.pyplot.show()` does.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from generator.plotting import plot_digits

        return plot_digits(
            np.concatenate([self.x, self.x_test]), np.concatenate([self.y, self.y_test]), self.parameters
        )
