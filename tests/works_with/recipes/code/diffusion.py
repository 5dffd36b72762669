"""Training of a diffusion model: it learns to predict the noise that was added to images."""

from typing import Any

import torch
from torch import Tensor

from lighter import LighterModule


class Diffusion(LighterModule):
    """The `network` is a UNet of diffusers, the criterion compares the noise that it predicts with the real one.

    Args:
        noise_schedule: A scheduler of diffusers, which adds the noise and takes it away.
        num_inference_steps: Steps from noise to an image in predict.
    """

    def __init__(self, noise_schedule: Any, num_inference_steps: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.noise_schedule = noise_schedule
        self.num_inference_steps = num_inference_steps

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Draw new noise in each step."""
        return self._loss(batch[0], torch.default_generator)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Draw the same noise each time, so that epochs can be compared."""
        return self._loss(batch[0], torch.Generator().manual_seed(batch_idx))

    def test_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Do the same as in validation."""
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return images made from noise, as many as the batch has."""
        image = torch.randn(batch[0].shape, generator=torch.Generator().manual_seed(batch_idx))
        self.noise_schedule.set_timesteps(self.num_inference_steps)
        for time in self.noise_schedule.timesteps:
            image = self.noise_schedule.step(self(image, time).sample, time, image).prev_sample
        return image

    def _loss(self, images: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=generator).to(images)
        times = torch.randint(self.noise_schedule.config.num_train_timesteps, (len(images),), generator=generator)
        noisy = self.noise_schedule.add_noise(images, noise, times.to(images.device))
        loss: Tensor = self.criterion(self(noisy, times.to(images.device)).sample, noise)
        return loss
