from torch import Tensor, nn


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.layer2(self.layer1(images)).mean(dim=(2, 3))


class Classifier(nn.Module):
    """Tell digits apart, at any size of the images."""

    def __init__(self, num_classes: int, pretrained: bool = False) -> None:
        super().__init__()
        if pretrained:
            raise ValueError("there are no weights for this network")
        self.backbone = Backbone()
        self.head = nn.Linear(8, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))
