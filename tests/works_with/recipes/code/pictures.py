"""Picture files for anomalib."""

from pathlib import Path

from project.data import squares
from torchvision.utils import save_image


def write(folder: str, count: int = 16, size: int = 64) -> str:
    """Write pictures with and without a square, if they are not there yet, and return their folder."""
    for seed, kind in enumerate(("normal", "abnormal")):
        target = Path(folder) / kind
        target.mkdir(parents=True, exist_ok=True)
        images, _, masks = squares(count, seed=seed, size=size)
        for number, image in enumerate(images if kind == "abnormal" else images - masks / 2):
            if not (file := target / f"{number:03}.png").exists():
                save_image(image, file)
    return folder
