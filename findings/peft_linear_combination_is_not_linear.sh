#!/usr/bin/env bash
# Expected: `add_weighted_adapter([a, b], [0.5, 0.5], combination_type="linear")` of peft makes an adapter whose change
# of the weights is the mean of the changes of `a` and `b`.
# What happens: it combines the two factors of LoRA each by itself, and then multiplies them. The result has the
# products of a's factor with b's factor in it, and these do not vanish. `combination_type="cat"` gives the mean.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 transformers==5.24.0 peft==0.21.2
cat > "$folder/finding.py" <<'PYTHON'
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
config = LoraConfig(r=2, lora_alpha=2, target_modules=["0"], init_lora_weights=False)
model = get_peft_model(torch.nn.Sequential(torch.nn.Linear(6, 6)), config, adapter_name="a")
model.add_adapter("b", config)
layer = model.base_model.model[0]
for kind in ("linear", "cat"):
    model.add_weighted_adapter(["a", "b"], [0.5, 0.5], kind, combination_type=kind)
with torch.no_grad():
    change = {name: layer.get_delta_weight(name) for name in ("a", "b", "linear", "cat")}
    mean = (change["a"] + change["b"]) / 2
    factors = [(layer.lora_A[name].weight, layer.lora_B[name].weight) for name in ("a", "b")]
    product_of_means = 0.5 * (factors[0][1] + factors[1][1]) @ (factors[0][0] + factors[1][0])
print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)
print(f"largest change in the mean: {float(mean.abs().max()):.3f}")
for kind in ("linear", "cat"):
    print(f"largest difference of {kind!r} from the mean: {float((change[kind] - mean).abs().max()):.6f}")
assert (change["cat"] - mean).abs().max() < 1e-6
assert (change["linear"] - mean).abs().max() > 0.1
assert torch.allclose(change["linear"], product_of_means, atol=1e-6)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
