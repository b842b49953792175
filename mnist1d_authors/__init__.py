"""The names of the authors' package on PyPI, for code that was written for it.

Nothing imports this package by its own name: `mnist1d.py` hands its modules on as `mnist1d.data`, `mnist1d.utils` and
`mnist1d.transform`, and their functions as its own, once somebody asks for them.

>>> import mnist1d
>>> data = mnist1d.data.make_dataset(mnist1d.data.get_dataset_args())
>>> sorted(data)
['t', 'templates', 'x', 'x_test', 'y', 'y_test']
"""
