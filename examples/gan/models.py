"""A GAN: two networks, two optimizers, manual optimization as in Lightning; the logging is Lighter's."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer
from torch.utils.data import TensorDataset

from lighter import LighterModule


def ring(num_points: int, seed: int) -> TensorDataset:
    """Draw points ``(N, 2)`` around a circle of radius 2."""
    random = torch.Generator().manual_seed(seed)
    angles = 2 * torch.pi * torch.rand(num_points, generator=random)
    points = 2 * torch.stack([angles.cos(), angles.sin()], dim=1)
    return TensorDataset(points + 0.1 * torch.randn(points.shape, generator=random))


class GAN(LighterModule):
    """Generate points that a discriminator cannot tell from real ones; ``network`` is the generator.

    Args:
        network: Maps noise ``(B, num_noise)`` to points ``(B, 2)``.
        discriminator: Maps points ``(B, 2)`` to scores ``(B, 1)``; high is real.
        make_optimizer: Takes parameters, returns an optimizer; called once for each network.
        num_noise: Size of the noise.
    """

    def __init__(
        self,
        network: nn.Module,
        discriminator: nn.Module,
        make_optimizer: Callable[[Any], Optimizer],
        num_noise: int = 8,
    ) -> None:
        super().__init__(network)
        self.discriminator = discriminator
        self.make_optimizer = make_optimizer
        self.num_noise = num_noise
        self.automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [self.make_optimizer(part.parameters()) for part in (self.network, self.discriminator)]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Any]:
        (real,) = batch
        fake = self(self._noise(len(real)))
        of_generator, of_discriminator = self.optimizers()  # type: ignore[misc]

        judged = self._loss(real, is_real=True) + self._loss(fake.detach(), is_real=False)
        self._step(of_discriminator, judged)
        fooled = self._loss(fake, is_real=True)
        self._step(of_generator, fooled)
        return {"loss": {"generator": fooled.detach(), "discriminator": judged.detach()}, "input": real}

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Any]:
        (real,) = batch
        fake = self(self._noise(len(real)))
        # how far the radii are from those of the real points, sorted: a Wasserstein distance in one dimension
        distance = (fake.norm(dim=1).sort().values - real.norm(dim=1).sort().values).abs().mean()
        return {"loss": distance, "input": real}

    def _noise(self, num_points: int) -> Tensor:
        return torch.randn(num_points, self.num_noise, device=self.device)

    def _loss(self, points: Tensor, *, is_real: bool) -> Tensor:
        scores = self.discriminator(points)
        return binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(is_real)))

    def _step(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
