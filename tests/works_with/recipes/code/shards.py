"""The images of `project.data`, written in the form of webdataset and litdata."""

from pathlib import Path
from typing import Any

import torch
from project.data import squares


def write_shards(folder: str, count: int, *, seed: int) -> list[str]:
    """Write two tar files for webdataset, if they are not there yet, and return their paths."""
    import webdataset

    names = [f"{folder}/shard-{seed}-{number}.tar" for number in range(2)]
    if not Path(names[-1]).exists():
        Path(folder).mkdir(parents=True, exist_ok=True)
        images, labels, _ = squares(count, seed=seed)
        for number, name in enumerate(names):
            with webdataset.TarWriter(name) as writer:
                for index in range(number, count, len(names)):
                    writer.write(
                        {"__key__": f"{index:03}", "image.pth": images[index], "label.cls": int(labels[index])}
                    )
    return names


def write_chunks(folder: str, count: int, *, seed: int) -> str:
    """Write chunks for litdata, if they are not there yet, and return their folder."""
    from litdata.streaming.writer import BinaryWriter

    target = Path(folder) / f"chunks-{seed}"
    if not (target / "index.json").exists():
        target.mkdir(parents=True, exist_ok=True)
        images, labels, _ = squares(count, seed=seed)
        writer = BinaryWriter(str(target), chunk_size=5)
        for index in range(count):
            writer[index] = {"image": images[index], "label": int(labels[index])}
        writer.done()
        writer.merge()
    return str(target)


def stacked(samples: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Join samples with `image` and `label`."""
    return torch.stack([sample["image"] for sample in samples]), torch.tensor([sample["label"] for sample in samples])
