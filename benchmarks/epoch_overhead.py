"""What an epoch costs beside its steps, against plain Lightning that logs the same; and that memory does not grow.

Two trainers run their epochs of one batch in turn. Each logs loss, accuracy and F1 for step and epoch; the second row
also has the optimizer's values by hand, which Lighter logs by itself.

    python benchmarks/epoch_overhead.py [--epochs 5000]
"""

import argparse
import logging
import platform
import warnings

import pytorch_lightning
import torch
from contestants import ByHand, ByHandWithOptimizer, lighter_system, perceptron
from pytorch_lightning import Callback, Trainer
from turns import Machine, Same, compare, epochs, make_trainer, report
from writer_memory import resident_mib


class Watch(Callback):
    """Reads the memory after every tenth of the epochs."""

    def __init__(self, num_epochs: int) -> None:
        self.every = max(1, num_epochs // 10)
        self.seen: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, *_: object) -> None:
        if (trainer.current_epoch + 1) % self.every == 0:
            self.seen.append(resident_mib())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5000, help="epochs of each contestant")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    machine = Machine()
    batch = machine.batch(64)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pytorch_lightning.__version__},"
        f" {machine}"
    )
    for name, by_hand in [
        ("an epoch of one batch against self.log by hand", ByHand),
        ("an epoch of one batch against the same values by hand", ByHandWithOptimizer),
    ]:
        result = compare(
            lighter_system,
            by_hand,
            perceptron,
            batch,
            options.epochs,
            machine,
            start=epochs,
        )
        report(name, result, (0.8, 0.8))
    trainer = make_trainer(machine, max_epochs=options.epochs)
    watch = Watch(options.epochs)
    trainer.callbacks.append(watch)  # type: ignore[attr-defined]
    trainer.fit(lighter_system(perceptron()), Same(batch, 1))
    print(f"memory grown from epoch {watch.every:,} to {options.epochs:,}: {watch.seen[-1] - watch.seen[0]:+.1f} MiB")


if __name__ == "__main__":
    main()
