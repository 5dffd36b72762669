"""A transformer of torch's own modules."""

import torch
from torch import Tensor, nn


class TextClassifier(nn.Module):
    """Classify ``(B, L)`` tokens, 0 is padding; returns scores ``(B, num_classes)``."""

    def __init__(self, num_tokens: int, num_classes: int, width: int = 32, depth: int = 2, longest: int = 16) -> None:
        super().__init__()
        self.words = nn.Embedding(num_tokens, width, padding_idx=0)
        self.positions = nn.Parameter(0.02 * torch.randn(longest, width))
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=2 * width, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        is_padding = tokens == 0
        hidden = self.words(tokens) + self.positions[: tokens.shape[1]]
        hidden = self.encoder(hidden, src_key_padding_mask=is_padding)
        is_word = (~is_padding).unsqueeze(-1)
        return self.head((hidden * is_word).sum(dim=1) / is_word.sum(dim=1))
