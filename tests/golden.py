"""Golden digests of six parameter sets, and how to compute them: with NumPy alone, for `tests.on_this_machine`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
ARRAYS = ("x", "y", "x_test", "y_test", "t")
PARAMETER_SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "shuffled": {"shuffle_seq": True},
    "large-padding": {"padding": (84, 132), "max_translation": 120, "final_seq_length": 80},
    "double-descent": {"num_samples": 8000, "train_split": 0.5},
    "seed-0-small": {"seed": 0, "num_samples": 1000},
    "padding-60-100": {"padding": (60, 100), "max_translation": 100},
}
SHA256: dict[str, dict[str, str]] = {  # of the little-endian bytes in C order
    "default": {
        "x": "76a0fc450d42c1bab3e99da3327c7735feb09f5236bec6fbaeaa1b9a41195252",
        "y": "d97dc7aecec8ad6b5d8f143ba3e9c4bd7e25c420d7dfc2eb990591cfc0ed3e15",
        "x_test": "546e12e851d831f762b6daf43956bc62fe233620cdec483f8789359f94c842d9",
        "y_test": "8de99be3ff9dab15ae0dc072c3d6ced7cf6b33d365888ce4a386fc944489452c",
        "t": "84b830bf54825bb3e0bc2f4152a3ec900578a3494e3ff53f1b3c7adacb69620b",
    },
    "shuffled": {
        "x": "482bfabb3991a24c07731fc3283f0b89d839834facb15657788198caf8ef9df8",
        "y": "d97dc7aecec8ad6b5d8f143ba3e9c4bd7e25c420d7dfc2eb990591cfc0ed3e15",
        "x_test": "2552d1c80fba52dcc154b6461974c90961d975ae9e6c68541ac70c92fd8e3d0a",
        "y_test": "8de99be3ff9dab15ae0dc072c3d6ced7cf6b33d365888ce4a386fc944489452c",
        "t": "84b830bf54825bb3e0bc2f4152a3ec900578a3494e3ff53f1b3c7adacb69620b",
    },
    "large-padding": {
        "x": "4bb003cc20ed2b7c00c0eb51ba2178fc899e205752d30985616b0c7a034d3e21",
        "y": "6e40dcccf51edd05bb4ff447e3e6f1e9cdcb63f1ae4a68f65c0a43ec2119f919",
        "x_test": "907438667322c4016a685dddf12b925a506048a27f944ee6a03f2543d620af96",
        "y_test": "c9dd8ad724c0cb4b8068bb31c8233801897a158fa79e90056ed2de284aa8def2",
        "t": "0a3ed50aa8089dbdccd7d595f758906e0bf66f24c87ac57a185dec8cd9a9f12f",
    },
    "double-descent": {
        "x": "80493098a1e13549aaf99c430956b1abae8a566e816e0a28ccbc777d94288eee",
        "y": "1f40d5c67dd5ae8d021503f39ac5a842ea55b27be4cc302573111b8604b49462",
        "x_test": "31f120b45c7a604c4e92703c3bb2dc3656b9611b31d9ef4eb488e349924e483b",
        "y_test": "95b81514724b03780983bcdae4984e43565c3f63faa76587423df2bd5ddfce7d",
        "t": "16381ecee5180e4addcd83bb3cc5edc78b80ed827f0cd28a2f06775e5a1352d1",
    },
    "seed-0-small": {
        "x": "521ab4acc0d29009cfb4526f181f8acea6316b8f68fa1d20c3213e07ca824976",
        "y": "5ad335e46faa36e90e85be4de3607bf3847948988696565e57a4260d3c42c6e2",
        "x_test": "065f629a1bbfb980e157da60bc6a4e94239f47ebe0da4012155edb4a1bffafa4",
        "y_test": "a2736b761a7bd9001a0af52ca6ff3a161a62877933ea3e1d6c8085d68cd043ea",
        "t": "97955f859d263d3d339892d9a11d4111744e2bb929909b56845c0466def5f828",
    },
    "padding-60-100": {
        "x": "9b3df655e32b4e29fab7c7d8f3c12a853f04c9d7a77ab87724a834fdab9c2b53",
        "y": "910f472e1693d51825f3f254a7374cab2732fc6b6e0324836f0eeca9e6bbcc21",
        "x_test": "a1d6f90ad0dcb26d1da7205b15bd1ca02660432355add818a34463562407f592",
        "y_test": "8653f301bc1668f960b3ae8cfc99fbd057e760c77a9ead1d62c98ece4c86884c",
        "t": "578d381615cf7573126ca5bde3b42b895d428975edd0686c4418949c01143db6",
    },
}
EQUAL_POINTS: dict[str, Any] = {  # the first and the last point of every template are the same
    **{"padding": (0, 0), "max_translation": 1, "final_seq_length": 2},
    **dict.fromkeys(("scale_coeff", "corr_noise_scale", "iid_noise_scale", "shear_scale"), 0),
}


def sha256(array: np.ndarray) -> str:
    """SHA-256 of the little-endian bytes, which are the same on every machine."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def digests(data: Mapping[str, np.ndarray]) -> dict[str, str]:
    """SHA-256 of each array of a dataset."""
    return {name: sha256(data[name]) for name in ARRAYS}
