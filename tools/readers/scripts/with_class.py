"""The builder by its class."""

import numpy as np
from answer import BOTH, PLAN, SPLITS, Answer

from mnist1d import Mnist1D

answer = Answer()
with answer.checking("class"):
    for config in PLAN["configs"]:
        builder = Mnist1D(config)
        for split, stream in builder.as_streaming_dataset().items():  # before anything is prepared
            rows = list(stream)
            x, y = (np.array([row[name] for row in rows]) for name in ("x", "y"))
            answer.found("class", "streamed", config, split, x, y)
        builder.download_and_prepare()
        for split in (*SPLITS, BOTH):
            columns = builder.as_dataset(split=split).with_format("numpy", dtype=None)[:]
            answer.found("class", "prepared", config, split, columns["x"], columns["y"])
answer.print()
