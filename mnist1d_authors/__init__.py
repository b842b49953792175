"""Modules of `mnist1d`: the builder, and the names of the authors' package on PyPI, for code that was written for it.

`mnist1d.py` offers the authors' modules as `mnist1d.data`, `mnist1d.utils` and `mnist1d.transform`, and all functions
and classes as attributes. Each module is imported on first use.

>>> import mnist1d
>>> data = mnist1d.data.make_dataset(mnist1d.data.get_dataset_args())
>>> sorted(data)
['t', 'templates', 'x', 'x_test', 'y', 'y_test']
"""
