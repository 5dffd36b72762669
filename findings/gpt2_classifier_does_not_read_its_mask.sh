#!/usr/bin/env bash
# Expected: `GPT2ForSequenceClassification` classifies by the last token that the attention mask marks as real.
# What happens: it looks for the last token that is not `pad_token_id`, and does not ask the mask. If the padding token
# is the end-of-text token, as many recipes set it, a real end-of-text token at the end is passed over: the logits are
# those of the text without it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 transformers==5.24.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import transformers
from transformers import GPT2Config, GPT2ForSequenceClassification

torch.manual_seed(0)
END = 0
config = GPT2Config(
    vocab_size=20, n_positions=16, n_embd=16, n_layer=1, n_head=2, num_labels=2,
    bos_token_id=END, eos_token_id=END, pad_token_id=END,
)  # fmt: skip
model = GPT2ForSequenceClassification(config).eval()
with_end = torch.tensor([[5, 6, 7, END]])
real = torch.ones_like(with_end)
with torch.no_grad():
    found = model(with_end, attention_mask=real).logits[0]
    without_end = model(with_end[:, :3], attention_mask=real[:, :3]).logits[0]
    hidden = model.transformer(with_end, attention_mask=real).last_hidden_state
    right = model.score(hidden)[0, -1]
print("torch", torch.__version__, "transformers", transformers.__version__)
for name, logits in (("text and end token", found), ("text alone", without_end), ("score of the last real token", right)):
    print(f"{name:29}", [round(float(value), 4) for value in logits])
assert torch.allclose(found, without_end, atol=1e-6)
assert not torch.allclose(found, right, atol=1e-3)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
