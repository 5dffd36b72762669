#!/usr/bin/env bash
# Expected: a training that SIGTERM stops early ends with an exit code that says so, as 143.
# What happens: Lightning stops after the batch and raises its SIGTERMException. That is a SystemExit without a code, so
# the script ends with 0, and a scheduler or a shell's `&&` takes the training as finished.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-lightning==2.6.6
cat > "$folder/finding.py" <<'PYTHON'
import os
import signal

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader


class Model(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        if batch_idx == 2:
            os.kill(os.getpid(), signal.SIGTERM)  # as a scheduler does whose time is up
        return self.network(batch).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


print("torch", torch.__version__, "pytorch-lightning", pl.__version__, flush=True)
off = dict.fromkeys(["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"], False)
pl.Trainer(accelerator="cpu", max_epochs=1, **off).fit(Model(), DataLoader(torch.ones(100, 1)))
print("the training finished")
PYTHON
code=0
"$folder/venv/bin/python" -W ignore "$folder/finding.py" > "$folder/output" 2> "$folder/errors" || code=$?
cat "$folder/output"
echo "the script's last line was reached: $(grep -c finished "$folder/output" || true)"
echo "tracebacks: $(grep -c Traceback "$folder/errors" || true)"
echo "exit code: $code"
[ "$code" = 0 ] && ! grep -q finished "$folder/output" && ! grep -q Traceback "$folder/errors"
