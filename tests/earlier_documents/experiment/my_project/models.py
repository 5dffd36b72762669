from torch import nn


class MyCustomModel(nn.Sequential):
    def __init__(self, arg1: str) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        self.arg1 = arg1
