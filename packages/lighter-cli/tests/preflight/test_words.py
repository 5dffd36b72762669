"""What a rehearsal changes: limits, and loggers that would log in to a server."""

from pathlib import Path
from typing import Any

from lighter_cli.preflight.outputs import redirected
from lighter_cli.preflight.words import rehearsal_words
from lighter_config import load

FOLDER = Path("/rehearsal")


def changed(trainer: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the trainer of a rehearsal, and the notes about it."""
    config = load([{"trainer": {"_target_": "pytorch_lightning.Trainer", **trainer}}])
    words = rehearsal_words(config, 2, FOLDER / "loggers")
    assert all(note.path for note in words.notes)
    return redirected(config, FOLDER, words.words).config.get("trainer"), [note.message for note in words.notes]


def logger(name: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"pytorch_lightning.loggers.{name}", **arguments}


def test_limits_are_two_batches_or_less() -> None:
    trainer, notes = changed({"limit_train_batches": 1, "limit_val_batches": 0.5, "limit_test_batches": 0})
    limits = [trainer[f"limit_{mode}_batches"] for mode in ("train", "val", "test", "predict")]
    assert limits == [1, 2, 0, 2]
    assert (trainer["num_sanity_val_steps"], trainer["val_check_interval"]) == (0, 1.0)
    assert trainer["default_root_dir"] == "/rehearsal/root"
    assert notes == []


def test_loggers_of_servers_are_offline() -> None:
    trainer, notes = changed(
        {"logger": [logger("WandbLogger", project="x"), logger("CometLogger"), logger("LitLogger")]}
    )
    weights, comet, instead = trainer["logger"]
    assert (weights["offline"], weights["log_model"], weights["save_dir"]) == (True, False, "/rehearsal/loggers")
    assert comet["online"] is False
    assert instead == logger("CSVLogger", save_dir="/rehearsal/loggers")
    assert notes == [
        "WandbLogger is offline in the rehearsal",
        "CometLogger is offline in the rehearsal",
        "LitLogger is replaced by a CSVLogger in the rehearsal",
    ]


def test_mlflow_writes_into_a_file() -> None:
    trainer, notes = changed({"logger": logger("MLFlowLogger", tracking_uri="http://host:5000")})
    assert trainer["logger"]["tracking_uri"] == "sqlite:////rehearsal/loggers/mlflow.db"
    assert notes == ["MLFlowLogger writes into a temporary file in the rehearsal"]


def test_one_process_on_one_device() -> None:
    trainer, notes = changed({"devices": 8, "num_nodes": 2, "strategy": "ddp_spawn"})
    assert (trainer["devices"], trainer["num_nodes"], trainer["strategy"]) == (1, 1, "auto")
    assert [note.partition(":")[0] for note in notes] == [
        "the rehearsal uses one device",
        "the rehearsal uses one machine",
        "the rehearsal runs in one process",
    ]


def test_a_profiler_writes_into_the_folder() -> None:
    trainer, _ = changed({"profiler": {"_target_": "pytorch_lightning.profilers.SimpleProfiler", "dirpath": "times"}})
    assert trainer["profiler"]["dirpath"] == "/rehearsal/elsewhere/0/times"


def test_places_keep_their_neighbors() -> None:
    writer = {"_target_": "lighter.callbacks.CsvWriter", "keys": ["pred"]}
    callbacks = [{**writer, "path": "out/a.csv"}, {**writer, "path": "out/b.csv"}, {**writer, "path": "c.csv"}]
    trainer, _ = changed({"callbacks": callbacks})
    first, second, third = (Path(callback["path"]) for callback in trainer["callbacks"])
    assert first.parent == second.parent != third.parent
    assert (first.name, second.name, third.name) == ("a.csv", "b.csv", "c.csv")
