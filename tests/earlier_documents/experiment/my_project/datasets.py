from pathlib import Path

import torch
from torch.utils.data import TensorDataset


class MyDataset(TensorDataset):
    def __init__(self, data_path: str) -> None:
        super().__init__(*torch.load(Path(data_path) / "digits.pt", weights_only=True))
