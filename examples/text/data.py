"""Short reviews made of a few words, in which only the order tells what is liked."""

import itertools

import torch
from torch import Tensor
from torch.utils.data import Dataset

_GOOD = ["brilliant", "moving", "funny", "gripping", "charming", "clever"]
_BAD = ["dull", "clumsy", "noisy", "tedious", "shallow", "predictable"]
_THINGS = ["film", "plot", "acting", "music", "ending"]
_PATTERNS = {
    "the {thing} is {good}": 1,
    "the {thing} is {bad}": 0,
    "the {thing} is {good} and not {bad}": 1,
    "the {thing} is {bad} and not {good}": 0,
    "the {thing} is not {bad} but {good}": 1,
    "the {thing} is not {good} but {bad}": 0,
}
VOCABULARY = sorted({"the", "is", "and", "not", "but", *_GOOD, *_BAD, *_THINGS})
NUM_TOKENS = len(VOCABULARY) + 1  # 0 fills up short sentences


class Reviews(Dataset[dict[str, object]]):
    """Sentences with a label: 1 liked it, 0 did not."""

    def __init__(self, split: str) -> None:
        sentences = [
            (pattern.format(thing=thing, good=good, bad=bad), label)
            for (pattern, label), thing, good, bad in itertools.product(_PATTERNS.items(), _THINGS, _GOOD, _BAD)
        ]
        sentences = list(dict.fromkeys(sentences))
        order = torch.randperm(len(sentences), generator=torch.Generator().manual_seed(0)).tolist()
        first, last = {"train": (0, 500), "val": (500, 640), "test": (640, len(sentences))}[split]
        self.samples = [sentences[index] for index in order[first:last]]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, object]:
        sentence, label = self.samples[index]
        return {"text": sentence, "tokens": [VOCABULARY.index(word) + 1 for word in sentence.split()], "label": label}


def collate(samples: list[dict[str, object]]) -> dict[str, object]:
    """Fill sentences up to the longest: ``tokens`` ``(B, L)`` int64, ``label`` ``(B,)`` int64, ``text`` a list."""
    tokens = [torch.tensor(sample["tokens"]) for sample in samples]
    padded: Tensor = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True)
    labels = torch.tensor([sample["label"] for sample in samples])
    return {"tokens": padded, "label": labels, "text": [sample["text"] for sample in samples]}
