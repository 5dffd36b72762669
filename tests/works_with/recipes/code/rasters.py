"""Two small maps for torchgeo: an image with three bands, and the class of each pixel."""

from pathlib import Path

import numpy as np
import rasterio
from project.data import squares
from rasterio.transform import from_origin
from torchgeo.datasets import IntersectionDataset, RasterDataset


class Masks(RasterDataset):
    """Classes instead of bands."""

    is_image = False


def maps(folder: str, *, seed: int, size: int = 96) -> IntersectionDataset:
    """Write the maps, if they are not there yet, and open them together."""
    root = Path(folder) / str(seed)
    images, _, masks = squares(1, seed=seed, size=size)
    for kind, values in {"image": images[0].numpy(), "mask": masks[0].numpy().astype(np.uint8)}.items():
        file = root / kind / "map.tif"
        if file.exists():
            continue
        file.parent.mkdir(parents=True)
        options = {"count": len(values), "dtype": values.dtype, "width": size, "height": size, "crs": "EPSG:32632"}
        with rasterio.open(file, "w", transform=from_origin(0, size, 1, 1), **options) as opened:
            opened.write(values)
    return RasterDataset(root / "image") & Masks(root / "mask")
