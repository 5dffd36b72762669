"""Write the records of runs and the folders of sweeps, of any size: what fits leave, without training."""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

METRICS = (
    "val/loss/epoch", "val/metrics/Accuracy/epoch", "val/metrics/F1/epoch", "val/metrics/AUROC/epoch",
    "train/loss/epoch", "train/metrics/Accuracy/epoch", "train/metrics/F1/epoch", "train/metrics/AUROC/epoch",
    "train/optimizer/Adam/lr", "train/optimizer/Adam/weight_decay",
)  # fmt: skip
MONITOR = ("val/metrics/Accuracy/epoch", "max")
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CONFIG = """\
seed: {seed}
vars:
  lr: {lr}
  depth: {depth}
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: {epochs}
"""


def value_at(name: str, epoch: int, *, lr: float, noise: float) -> float:
    """Return a metric that learns: best near a learning rate of 3e-3, with a validation loss that rises again."""
    distance = abs(math.log10(lr) + 2.5)
    progress = 1 - math.exp(-(epoch + 1) / (6 + 4 * distance))
    if name.endswith("/lr"):
        return lr
    if name.endswith("/weight_decay"):
        return 0.01
    if "loss" in name:
        rising = 0.004 * max(0, epoch - 20) if name.startswith("val") else 0.0
        return 2.3 * (1 - progress) + 0.05 + rising + 0.02 * noise
    return min(1.0, 0.1 + (0.88 - 0.15 * distance) * progress + 0.01 * noise)


def epoch_lines(
    epochs: int, metrics: Sequence[str], *, lr: float, seed: int = 0, offset_s: float = 0.0
) -> Iterator[dict[str, Any]]:
    """Yield the lines of ``epochs.jsonl``."""
    chance = random.Random(seed)
    for epoch in range(epochs):
        values = {name: value_at(name, epoch, lr=lr, noise=chance.gauss(0, 1)) for name in metrics}
        at = START + timedelta(seconds=offset_s + 3.0 * (epoch + 1))
        yield {
            "epoch": epoch,
            "step": 20 * (epoch + 1),
            "time_s": 3.0 * (epoch + 1),
            "at": at.isoformat(),
            "metrics": values,
        }


def write_run(
    folder: Path,
    *,
    epochs: int = 20,
    metrics: Sequence[str] = METRICS,
    lr: float = 3e-3,
    seed: int = 0,
    depth: int = 2,
    offset_s: float = 0.0,
    lines: Sequence[Mapping[str, Any]] | None = None,
    **fields: Any,
) -> Path:
    """Write the record of a fit; return its folder.

    Args:
        folder: The folder of the record.
        epochs: How many epochs it has.
        metrics: What each logged.
        lr: A value of its config.
        seed: Its seed.
        depth: Another value.
        offset_s: When it started, in seconds after the first.
        lines: The lines of its curve, instead of made ones.
        fields: Other fields of ``record.json``.
    """
    folder.mkdir(parents=True)
    made = list(epoch_lines(epochs, metrics, lr=lr, seed=seed, offset_s=offset_s)) if lines is None else list(lines)
    if made:
        (folder / "epochs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    name, _ = MONITOR
    logged = [line for line in made if isinstance(line["metrics"].get(name), float)]
    best = max(logged, key=lambda line: line["metrics"][name]) if logged else None
    start = START + timedelta(seconds=offset_s)
    took = 3.0 * len(made) + 2
    record = {
        "format": 1, "id": folder.name, "folder": str(folder), "stage": "fit", "status": "finished",
        "start": start.isoformat(), "end": (start + timedelta(seconds=took)).isoformat(), "error": None,
        "words": ["config.yaml", f"vars::lr={lr}", f"seed={seed}"], "files": [str(folder.parents[1] / "config.yaml")],
        "overrides": [f"vars::lr={lr}"], "options": {"ckpt_path": None}, "working_directory": str(folder.parents[1]),
        "project": None, "seed": seed, "git": {"commit": "0123456789abcdef", "dirty": True},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "process": {"host": "node1", "pid": 4321, "created": 1795869966.31, "slurm_job": None},
        "devices": {"strategy": "SingleDevice", "num_devices": 1, "num_nodes": 1, "names": ["x86"]},
        "progress": {"epoch": len(made), "step": 20 * len(made)}, "metrics": made[-1]["metrics"] if made else {},
        "checkpoints": {}, "monitor": {"name": name, "mode": "max"},
        "at_best": best and {"epoch": best["epoch"], "step": best["step"], "metrics": best["metrics"]},
        "ended_by": f"max_epochs={epochs}", "ended": {"by": "max_epochs", "limit": epochs},
        "time_spent": {"total_s": took, "data_s": 0.2 * took, "sanity_check_s": 0.0, "validation_s": 0.1 * took,
                       "checkpoints_s": 0.05 * took, "training_s": 0.6 * took, "rest_s": 0.05 * took},
        "values": {"seed": seed, "vars::lr": lr, "vars::depth": depth,
                   "trainer::_target_": "pytorch_lightning.Trainer", "trainer::max_epochs": epochs},
        **fields,
    }  # fmt: skip
    (folder / "record.json").write_text(json.dumps(record))
    (folder / "config.yaml").write_text(CONFIG.format(seed=seed, lr=lr, depth=depth, epochs=epochs))
    places = {"seed": ["command line, word 3", "config.yaml:1:7"], "vars::lr": ["command line, word 2"]}
    (folder / "provenance.json").write_text(json.dumps({**places, "vars::depth": ["config.yaml:4:10"]}))
    return folder


def list_runs_in(working_directory: Path, folders: Sequence[Path]) -> None:
    """List runs as started in a working directory, so that commands find them by their ids."""
    index = working_directory / ".lighter" / "runs.jsonl"
    index.parent.mkdir(exist_ok=True)
    index.write_text("".join(json.dumps({"folder": str(folder), "stage": "fit"}) + "\n" for folder in folders))


def write_runs(folder: Path, number: int, *, epochs: int = 20) -> list[Path]:
    """Write fits that differ in learning rate, depth and seed, three seeds for each."""
    rates = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    return [
        write_run(
            folder / "lighter_runs" / f"20260301-09{index:04}-{index:06x}",
            epochs=epochs, lr=rates[index // 3 % 5], depth=2 + index // 15 % 2, seed=index % 3, offset_s=70.0 * index,
        )
        for index in range(number)
    ]  # fmt: skip


def write_sweep(
    folder: Path,
    trials: int,
    *,
    epochs: int = 10,
    metrics: Sequence[str] = METRICS[:6],
    objectives: Sequence[tuple[str, str]] = ((MONITOR[0], "maximize"),),
    dimensions: int = 3,
) -> Path:
    """Write the folder of a sweep, its journal among it: every tenth trial was pruned, every fiftieth failed.

    Args:
        folder: The folder of the sweep.
        trials: How many trials it has.
        epochs: The epochs of a trial.
        metrics: What each epoch logged.
        objectives: Name and direction of each objective.
        dimensions: How many dimensions the space has: a learning rate, a depth, choices of a batch size, and more.
    """
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.trial import TrialState, create_trial

    from lighter_cli.sweeps.journal import open_journal

    chance = random.Random(0)
    (folder / "trials").mkdir(parents=True)
    names = ["vars::lr", "vars::depth", "vars::batch_size", *(f"vars::extra_{index}" for index in range(dimensions))]
    spaces: dict[str, Any] = {
        name: (FloatDistribution(1e-4, 1e-1, log=True), "0.0001..0.1:log")
        if name == "vars::lr"
        else (IntDistribution(1, 8), "1..8")
        if name == "vars::depth"
        else (CategoricalDistribution(["32", "64", "128"]), [["32", 32], ["64", 64], ["128", 128]])
        if name == "vars::batch_size"
        else (FloatDistribution(0.0, 1.0), "0.0..1.0")
        for name in names[:dimensions]
    }
    facts = {
        "format": 1, "name": folder.name, "identity": "x", "made": START.isoformat(), "words": ["config.yaml"],
        "working_directory": str(folder.parent), "trials": trials, "repeats": 1,
        "objectives": list(map(list, objectives)),
        "space": {"dimensions": [[name, written] for name, (_, written) in spaces.items()], "repeats": [], "where": []},
        "options": {"trials": trials}, "pruning": None,
    }  # fmt: skip
    (folder / "sweep.json").write_text(json.dumps(facts))
    (folder / "config.yaml").write_text(CONFIG.format(seed=0, lr=3e-3, depth=2, epochs=epochs))
    logging_before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = [direction for _, direction in objectives]
    study = optuna.create_study(storage=open_journal(folder), study_name=folder.name, directions=directions)
    rows: list[list[Any]] = []
    made: list[Any] = []
    for number in range(trials):
        lr, depth, batch = 10 ** chance.uniform(-4, -1), chance.randint(1, 8), chance.choice(["32", "64", "128"])
        drawn = {"vars::lr": lr, "vars::depth": depth, "vars::batch_size": batch}
        values = {name: drawn.get(name, chance.random()) for name in spaces}
        state = "failed" if number % 50 == 49 else "pruned" if number % 10 == 9 else "finished"
        count = epochs if state == "finished" else max(1, epochs // 3)
        lines = list(epoch_lines(count, metrics, lr=lr, seed=number, offset_s=40.0 * (number // 4)))
        trial = folder / "trials" / f"{number:04}"
        run = trial / "lighter_runs" / f"20260301-{number:06}-{number:06x}"
        error = f"ValueError: trial {number} is bad" if state == "failed" else None
        write_run(
            run, lines=lines, lr=lr, seed=0, depth=depth, offset_s=40.0 * (number // 4), error=error,
            status="failed" if error else "finished", trial={"sweep": folder.name, "number": number, "repeat": None},
        )  # fmt: skip
        (trial / "trial.json").write_text(json.dumps({"number": number, "values": values, "repeats": []}))
        owner = {"host": "node1", "pid": 1, "created": 1.0, "slot": number % 4, "worker": 17, "ended": True}
        (trial / "owner.json").write_text(json.dumps(owner))
        found = [max(line["metrics"].get(name, 0.5) for line in lines) for name, _ in objectives]
        shown = found if state == "finished" else [""] * len(objectives)
        end = (START + timedelta(seconds=40.0 * (number // 4) + 3 * count)).isoformat()
        result = {"state": state, "values": found if state == "finished" else [], "epochs": count, "end": end}
        (trial / "result.json").write_text(json.dumps({**result, "error": error or "", "took_s": 3.0 * count}))
        rows.append([number, state, *shown, *values.values(), True, count, 3.0 * count, end, 1, error or ""])
        trial_state = {"failed": TrialState.FAIL, "pruned": TrialState.PRUNED, "finished": TrialState.COMPLETE}[state]
        distributions = {name: distribution for name, (distribution, _) in spaces.items()}
        told = found if state == "finished" else None
        made.append(create_trial(state=trial_state, values=told, params=values, distributions=distributions))
    study.add_trials(made)
    optuna.logging.set_verbosity(logging_before)
    columns = ["trial", "state", *(name for name, _ in objectives), *spaces, "feasible", "epochs", "took_s", "end",
               "attempts", "error"]  # fmt: skip
    text = "\n".join(",".join(map(str, row)) for row in [columns, *rows])
    (folder / "results.csv").write_text(text + "\n")
    best = max((row for row in rows if row[1] == "finished"), key=lambda row: row[2], default=None)
    if best is not None:
        (folder / "best").symlink_to(f"trials/{best[0]:04}")
    return folder
