"""Torch formats, and PyTorch's DataLoader."""

import numpy as np
import torch
from answer import PLAN, SPLITS, Answer
from datasets import load_dataset
from torch.utils.data import DataLoader

answer = Answer()
for config in PLAN["configs"]:
    for split in SPLITS:
        dataset = load_dataset(PLAN["folder"], config, split=split)
        exact = dataset.with_format("torch", dtype=None)
        with answer.checking("torch"):
            columns = exact[:]
            answer.found("torch", "folder", config, split, columns["x"].numpy(), columns["y"].numpy())
            dataset.set_format("torch")
            answer.told('set_format("torch")', **dataset[:])
            dataset.set_format("torch", dtype=torch.float64)
            answer.told('set_format("torch", dtype=torch.float64)', **dataset[:])
        with answer.checking("DataLoader"):
            batches = list(DataLoader(exact, batch_size=100))
            x, y = (np.concatenate([batch[name].numpy() for batch in batches]) for name in ("x", "y"))
            answer.found("DataLoader", "folder", config, split, x, y)
            dataset.set_format("torch")
            answer.told('DataLoader of set_format("torch")', **next(iter(DataLoader(dataset, batch_size=100))))
answer.print()
