"""Networks whose mistakes only their shapes show, and networks that cannot be followed."""

import time

import numpy as np
import torch
from torch import Tensor, nn


class Concatenates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(3, 4, 3)
        self.wide = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.narrow(images), self.wide(images)], dim=1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(8, 6)
        self.key = nn.Linear(8, 6)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.query(tokens) @ self.key(tokens)  # a transposition is missing


class Recurrent(nn.Module):
    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(num_features, 4, batch_first=True)

    def forward(self, sequences: Tensor) -> Tensor:
        return self.lstm(sequences)[0][:, -1]


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 10)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(features) if features.sum() > 0 else self.head(-features)


class MakesArrays(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 10)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(torch.from_numpy(np.sort(features.numpy())))


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(2_000_000), nn.ReLU(), nn.LazyLinear(10))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


class ReadsWeights(nn.Module):
    def __init__(self, file: str) -> None:
        super().__init__()
        self.head = nn.Linear(8, 10)
        self.load_state_dict(torch.load(file))

    def forward(self, features: Tensor) -> Tensor:
        return self.head(features)


class Downloads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        from urllib.request import urlopen

        with urlopen("http://weights.invalid/network.pt") as stream:
            self.weights = stream.read()


class Crashes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        import os
        import signal

        print("about to crash")
        os.kill(os.getpid(), signal.SIGSEGV)


class Prints(nn.Linear):
    def forward(self, features: Tensor) -> Tensor:
        print(time.time(), features.shape)
        return super().forward(features)
