"""t-SNE of a dataset, run once and kept in a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from generator.arrays import Floats

CACHE = Path(__file__).with_name("tsne.npz")
MNIST_FILE = Path(__file__).with_name("mnist.npz")  # digits, labels and their embedding: see README.md
STEPS = 4095  # of a coordinate from 0: finer than the pixels of the picture


def embed(x: Floats, cache: Path) -> np.ndarray:
    """Two coordinates of each sample, from the file if it was made of the same samples.

    Parameters
    ----------
    x : (rows, points) float64
    cache : Path
        Written if it is missing or was made of other samples: takes a few minutes.

    Returns
    -------
    (rows, 2) uint16
    """
    digest = hashlib.sha256(x.tobytes()).hexdigest()
    if cache.exists():
        with np.load(cache) as kept:
            if str(kept["made_of"]) == digest:
                return kept["embedding"]
    from sklearn.manifold import TSNE

    places = TSNE(init="pca", random_state=0, perplexity=30).fit_transform(x)
    places -= places.min(axis=0)
    embedding = np.rint(places * (STEPS / places.max())).astype(np.uint16)
    np.savez_compressed(cache, embedding=embedding, made_of=digest)
    return embedding
