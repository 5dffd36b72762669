import re
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

README = Path(__file__).parents[1] / "README.md"


def test_the_smallest_useful_change_logs_what_it_says(make_trainer, rows):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.S)
    names: dict = {"__name__": "readme"}
    exec(compile(code, str(README), "exec"), names)
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(20, 64), torch.randint(10, (20,)))
    trainer = make_trainer(logger=rows, log_every_n_steps=1)
    trainer.fit(names["model"], DataLoader(data, batch_size=8), DataLoader(data, batch_size=8))
    logged = {name for _, row in rows.rows for name in row}
    for mode in ("train", "val"):
        for value in ("loss", "metrics/MulticlassAccuracy"):
            assert {f"{mode}/{value}/step", f"{mode}/{value}/epoch"} <= logged
    assert rows.values("train/optimizer/AdamW/lr") == [pytest.approx(1e-2)] * 2
