"""DuckDB: SQL on the files."""

import duckdb
import numpy as np
from answer import BOTH, PLAN, SPLITS, Answer

answer = Answer()
for config, folder in PLAN["configs"].items():
    files = {split: [f"{PLAN['folder']}/{folder}/{split}-*.parquet"] for split in SPLITS}
    for split, source in {**files, BOTH: files["train"] + files["test"]}.items():
        check = BOTH if split == BOTH else "files"
        with answer.checking(check):
            columns = duckdb.sql(f"SELECT x, y FROM read_parquet({source})").fetchnumpy()
            answer.found(check, "files", config, split, np.stack(columns["x"]), np.asarray(columns["y"]))
answer.print()
