"""What pictures of each epoch cost: against the same pictures made by hand, and against none; and their memory.

Three trainers run their epochs in turn. The first has a ConfusionMatrix and an ImageLogger, the second a callback that
counts with torchmetrics and draws the same two pictures for the same logger, the third neither. Then one trainer draws
all three kinds of pictures in many short epochs, and its memory is read. Exits with 1 if a mark is missed.

    python benchmarks/pictures.py [--epochs 20] [--memory-epochs 200]
"""

import argparse
import gc
import logging
import platform
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from contestants import resnet, sgd
from epoch_overhead import Watch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix
from turns import CLASSES, Machine, Same, epochs, in_turn

from lighter.callbacks import ConfusionMatrix, Figure, ImageLogger
from lighter.callbacks.pictures.figure_pixels import pixels_of
from lighter.callbacks.pictures.image_grid import block_of, grid_of
from lighter.callbacks.pictures.matrix_figure import draw_matrix
from lighter.callbacks.pictures.rendering import View, as_pixels, resized

MARK = 1.01
MOST_MIB = 5.0
STEPS = 40


class Classifier(LightningModule):
    """Trains, and returns what pictures show."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        pred = self.network(batch[0])
        return {"loss": self.criterion(pred, batch[1]), "input": batch[0], "pred": pred, "target": batch[1]}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.network)


class ByHand(Callback):
    """The same two pictures, without anything of the callbacks around them."""

    def __init__(self) -> None:
        self.metric = MulticlassConfusionMatrix(CLASSES)
        self.view = View(0, 1, None, None, None, 128, 512)
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.metric.update(outputs["pred"], outputs["target"])
        if len(self.seen) < 8:
            samples = zip(outputs["input"], outputs["target"], outputs["pred"].argmax(1), strict=True)
            self.seen += [(image.clone(), target, pred) for image, target, pred in list(samples)[: 8 - len(self.seen)]]

    def block(self, image: Tensor, target: int, pred: int) -> Any:
        pixels = as_pixels(resized(image, self.view, is_labels=False), self.view)
        return block_of([pixels], f"target {target}, pred {pred}")

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        counts = self.metric.compute().numpy()
        self.metric.reset()
        labels = [str(number) for number in range(CLASSES)]
        matrix = pixels_of(draw_matrix(counts, counts.astype(float), labels, f"epoch {trainer.current_epoch}"))
        blocks = [self.block(image, int(target), int(pred)) for image, target, pred in self.seen]
        self.seen = []
        for name, pixels in (("matrix", matrix), ("images", grid_of(blocks, 4, "input"))):
            module.logger.experiment.add_image(name, pixels, trainer.global_step, dataformats="HWC")  # type: ignore[union-attr]


def draw_scores(values: Any) -> Any:
    from matplotlib.figure import Figure as MatplotlibFigure

    figure = MatplotlibFigure()
    figure.subplots().hist(values["pred"].flatten().numpy())
    return figure


def make_trainer(folder: str, max_epochs: int, callbacks: list[Callback]) -> Trainer:
    return Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        devices=1,
        logger=TensorBoardLogger(folder),
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def compare(num_epochs: int) -> list[float]:
    """Return the processor seconds of an epoch with the callbacks, by hand, and without: 25th percentiles."""
    callbacks: list[list[Callback]] = [
        [ConfusionMatrix(CLASSES, modes=["train"]), ImageLogger(modes=["train"])],
        [ByHand()],
        [],
    ]
    times: list[list[float]] = [[], [], []]

    def run(*steps: Any) -> None:
        gc.collect()
        gc.disable()
        for number in range(num_epochs + 1):
            for i in range(len(steps)):
                which = (i + number) % len(steps)  # nobody is always the first
                start = time.process_time()
                steps[which]()
                times[which].append(time.process_time() - start)
        gc.enable()

    batch = Machine().batch(3, 16, 16)
    with tempfile.TemporaryDirectory() as folder:
        trainers = [make_trainer(f"{folder}/{i}", num_epochs + 1, own) for i, own in enumerate(callbacks)]
        modules: list[LightningModule] = [Classifier(resnet()) for _ in callbacks]
        in_turn(trainers, modules, Same(batch, STEPS), "fit", epochs, run)
    return [sorted(taken[1:])[num_epochs // 4] for taken in times]  # the first loads fonts


def memory(num_epochs: int) -> float:
    """Return the MiB by which the process grows after the first fifth of the epochs."""
    watch = Watch(num_epochs)
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"modes": ["train"], "directory": Path(folder, "pictures")}
        pictures: list[Callback] = [
            ConfusionMatrix(CLASSES, **options),
            ImageLogger(**options),
            Figure(draw_scores, "scores", ["pred"], **options),
        ]
        trainer = make_trainer(folder, num_epochs, [*pictures, watch])
        trainer.fit(Classifier(resnet()), Same(Machine().batch(3, 16, 16), 2))
    return watch.seen[-1] - watch.seen[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each contestant")
    parser.add_argument("--memory-epochs", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pytorch_lightning.__version__},"
        f" {platform.machine()}"
    )
    ours, by_hand, without = compare(options.epochs)
    grown = memory(options.memory_epochs)
    is_met = ours / by_hand <= MARK and grown <= MOST_MIB
    print(
        f"processor time of an epoch of {STEPS} steps: {ours:.3f} s with a matrix and 8 images,"
        f" {by_hand:.3f} s with the same by hand, {without:.3f} s without\n"
        f"ratio to by hand {ours / by_hand:.4f}, mark {MARK}; the two pictures take {1e3 * (ours - without):.0f} ms\n"
        f"memory grown in {options.memory_epochs} epochs of three pictures: {grown:+.1f} MiB, mark {MOST_MIB}\n"
        f"{'met' if is_met else 'MISSED'}"
    )
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
