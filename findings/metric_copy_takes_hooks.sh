#!/usr/bin/env bash
# Expected: a copy of a torchmetrics metric is independent, and `handle.remove()` ends what a forward hook does.
# What happens: `clone()` and `copy.deepcopy` copy the hooks too. A hook that is a bound method is copied with its
# object and all that the object holds: the copy of the metric reports to a hidden copy of the recorder, and removing
# the hook from the original leaves it in the copy. Copy metrics before you register hooks on them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.aggregation import MeanMetric


class Recorder:
    def __init__(self) -> None:
        self.num_calls = 0
        self.held = torch.zeros(1000)

    def record(self, *_: object) -> None:
        self.num_calls += 1


recorder = Recorder()
metric = MeanMetric()
handle = metric.register_forward_hook(recorder.record)
copied = metric.clone()
handle.remove()

copied(torch.tensor(1.0))
(hook,) = copied._forward_hooks.values()
hidden = hook.__self__

print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
print("hooks of the original after remove():", len(metric._forward_hooks))
print("hooks of the copy after remove():    ", len(copied._forward_hooks))
print("calls that the recorder saw:         ", recorder.num_calls)
print("calls that a hidden copy of it saw:  ", hidden.num_calls)
assert not metric._forward_hooks
assert hidden is not recorder
assert hidden.held.data_ptr() != recorder.held.data_ptr()
assert (recorder.num_calls, hidden.num_calls) == (0, 1)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
