"""All samples in one TensorDict."""

from project.data import squares
from tensordict import TensorDict


def images(count: int, *, seed: int) -> TensorDict:
    """Make a TensorDict of `count` samples with `image` and `label`."""
    image, label, _ = squares(count, seed=seed)
    return TensorDict({"image": image, "label": label}, batch_size=[count])
