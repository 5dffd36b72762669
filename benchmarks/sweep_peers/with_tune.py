"""The same experiment as a function of Ray Tune: the number of trials, of epochs, and whether actors are reused."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import tune

sys.path.insert(0, str(Path(__file__).parent))


def objective(config: dict[str, Any]) -> dict[str, float]:
    """Train in a folder of its own; return what Tune judges a trial by."""
    sys.path.insert(0, config["code"])
    from digits_by_hand import train

    return {"accuracy": train(config["lr"], config["epochs"], Path(tempfile.mkdtemp(dir=config["folder"])))}


def main(address: str, trials: int, epochs: int, reuse: str) -> None:
    """Search as the documentation of Tune does."""
    ray.init(address=address)
    space = {
        "lr": tune.loguniform(1e-3, 1e-2),
        "epochs": epochs,
        "folder": str(Path.cwd()),
        "code": str(Path(__file__).parent),
    }
    tuner = tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=trials, reuse_actors=reuse == "reuse"),
        run_config=tune.RunConfig(storage_path=str(Path.cwd() / "tune")),
    )
    results = tuner.fit()
    assert len(results) == trials
    assert results.num_errors == 0
    print(results.get_best_result().metrics["accuracy"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
