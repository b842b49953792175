"""The code that draws the dataset again, for readers to copy."""

from __future__ import annotations

import shlex

from explorer import SPACE_ID
from generator import Parameters
from generator.spelling import call, changed_parameters, literal
from mnist1d import Mnist1D


def arrays_code(parameters: Parameters) -> str:
    """Return Python that draws the arrays.

    Examples
    --------
    >>> print(arrays_code(Parameters(seed=7)))
    # in a clone of https://huggingface.co/spaces/christopher/mnist-1d-explorer
    from generator import make_dataset
    <BLANKLINE>
    data = make_dataset(seed=7)
    x, y, x_test, y_test = data.x, data.y, data.x_test, data.y_test
    """
    return (
        f"# in a clone of https://huggingface.co/spaces/{SPACE_ID}\n"
        "from generator import make_dataset\n\n"
        f"data = {call('make_dataset', [], changed_parameters(parameters))}\n"
        "x, y, x_test, y_test = data.x, data.y, data.x_test, data.y_test"
    )


def builder_code(parameters: Parameters) -> str:
    """Return Python that makes the same through `datasets`, from the nearest config.

    Examples
    --------
    >>> print(builder_code(Parameters(shuffle_seq=True, seed=7)))
    from mnist1d import Mnist1D
    <BLANKLINE>
    builder = Mnist1D("shuffled", seed=7)
    builder.download_and_prepare()
    dataset = builder.as_dataset()
    """
    config, changed = _nearest_config(parameters)
    return (
        "from mnist1d import Mnist1D\n\n"
        f"builder = {call('Mnist1D', [literal(config)], changed)}\n"
        "builder.download_and_prepare()\n"
        "dataset = builder.as_dataset()"
    )


def publish_command(parameters: Parameters) -> str:
    r"""Return the command that publishes the dataset.

    Examples
    --------
    >>> print(publish_command(Parameters(padding=(0, 60))))
    python scripts/push_to_hub.py me/my-mnist1d --config default \
        --set 'padding=(0, 60)'
    """
    config, changed = _nearest_config(parameters)
    settings = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in changed.items()]
    return " \\\n    ".join([f"python scripts/push_to_hub.py me/my-mnist1d --config {config}", *settings])


def _nearest_config(parameters: Parameters) -> tuple[str, dict[str, object]]:
    """Return the config from which the fewest values differ, and these values."""
    differences = {
        name: changed_parameters(parameters, config.parameters) for name, config in Mnist1D.builder_configs.items()
    }
    name = min(differences, key=lambda name: len(differences[name]))
    return name, differences[name]
