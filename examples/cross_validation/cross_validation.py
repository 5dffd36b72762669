"""Train every fold and tell mean and deviation of its accuracy."""

import statistics
import sys

from lighter_cli import Runner

NUM_FOLDS = 5
NAME = "val/metrics/Accuracy/epoch"


def accuracies(words: list[str]) -> list[float]:
    """Train one fold after the other; `words` are the same for all."""
    found = []
    for fold in range(NUM_FOLDS):
        inputs = [*words, f"vars::fold={fold}", f"vars::num_folds={NUM_FOLDS}"]
        Runner().run("fit", inputs)
        (metrics,) = Runner().run("validate", inputs, ckpt_path="last")
        found.append(metrics[NAME])
    return found


if __name__ == "__main__":
    folds = accuracies(["examples/cross_validation/config.yaml", *sys.argv[1:]])
    print(f"accuracy {statistics.mean(folds):.3f} ± {statistics.stdev(folds):.3f} over {len(folds)} folds")
