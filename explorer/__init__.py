"""The explorer: a page on which to move the parameters of MNIST-1D and see what they do. `python -m explorer` opens it.

It runs here and, with the files that `python -m explorer --space DIR` gathers, as a Space on the Hugging Face Hub.
"""

DATASET_ID = "christopher/mnist1d"
SPACE_ID = "christopher/mnist-1d-explorer"
