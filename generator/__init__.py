"""MNIST-1D from NumPy alone, bit-for-bit identical to the published file.

>>> from generator import Parameters, make_dataset
>>> data = make_dataset(Parameters(num_samples=1000, seed=0))
>>> data.x.shape, data.x_test.shape
((800, 40), (200, 40))
"""

from generator.authors import make_dataset
from generator.dataset import Dataset
from generator.parameters import Parameters
from generator.recipes import RECIPES, Recipe
from generator.sharded import make_shard
from generator.templates import get_templates

__all__ = ["RECIPES", "Dataset", "Parameters", "Recipe", "get_templates", "make_dataset", "make_shard"]
