"""pandas on files and on hf:// addresses."""

import numpy as np
import pandas as pd
from answer import BOTH, PLAN, SPLITS, Answer

answer = Answer()
for place, root in {"files": PLAN["folder"], "Hub": f"hf://datasets/{PLAN['repo_id']}"}.items():
    for config, folder in PLAN["configs"].items():
        with answer.checking(place):
            frames = [pd.read_parquet(f"{root}/{folder}/{split}-00000-of-00001.parquet") for split in SPLITS]
            for split, frame in zip(SPLITS, frames, strict=True):
                answer.found(place, place, config, split, np.stack(frame["x"]), frame["y"].to_numpy())
        with answer.checking(BOTH):
            frame = pd.concat(frames)
            answer.found(BOTH, place, config, BOTH, np.stack(frame["x"]), frame["y"].to_numpy())
answer.print()
