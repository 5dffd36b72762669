#!/usr/bin/env bash
# Expected: a torch `TransformerEncoder` without dropout has the same output in training, in evaluation, and in
# evaluation without gradients.
# What happens: in evaluation without gradients the outputs at positions of the `src_key_padding_mask` are 0; otherwise
# they are values. What uses all positions, as a mean over the sequence, then differs between training and evaluation.
# With `enable_nested_tensor=False` it does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch import nn


def means(**arguments):
    """The largest output of padded positions, and the mean of the sequence, in the three cases."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, **arguments)
    inputs = torch.rand(2, 5, 8)
    padding = torch.tensor([[False, False, False, True, True], [False, False, False, False, True]])
    outputs = {"training": encoder.train()(inputs, src_key_padding_mask=padding)}
    outputs["evaluation"] = encoder.eval()(inputs, src_key_padding_mask=padding)
    with torch.no_grad():
        outputs["evaluation, no gradients"] = encoder(inputs, src_key_padding_mask=padding)
    return {
        case: (round(float(output[padding].abs().max()), 3), round(float(output[0, :, 0].mean()), 3))
        for case, output in outputs.items()
    }


found, without = means(), means(enable_nested_tensor=False)
print("torch", torch.__version__)
for case, (padded, mean) in found.items():
    print(f"{case:26} largest value at padding {padded}, first mean over the sequence {mean}")
print("with enable_nested_tensor=False:", *without.values())
assert found["training"] == found["evaluation"] and found["training"][0] > 1
assert found["evaluation, no gradients"][0] == 0
assert found["evaluation, no gradients"][1] != found["training"][1]
assert len(set(without.values())) == 1
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
