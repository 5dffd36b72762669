"""Sentences of random token numbers."""

import torch
from torch import Tensor


def sentences(count: int, *, seed: int) -> list[dict[str, Tensor]]:
    """Make samples as a tokenizer does: `input_ids` and `attention_mask` of 8 tokens, and a `label`."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for index in range(count):
        label = index % 2
        tokens = torch.randint(10 + 20 * label, 40 + 20 * label, (8,), generator=generator)
        mask = torch.ones(8, dtype=torch.int64)
        mask[4 + index % 5 :] = 0
        made.append({"input_ids": tokens * mask, "attention_mask": mask, "label": torch.tensor(label)})
    return made
