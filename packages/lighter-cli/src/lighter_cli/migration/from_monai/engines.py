"""Write the engines of a bundle as a trainer and a system; report handlers, metrics and postprocessing by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.from_monai import handlers
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import (
    Segments,
    is_given,
    mappings,
    put_in,
    quoted,
    section,
    segments_of,
    take_out,
    value_at,
)
from lighter_config import ConfigError, Severity, find_references, format_path
from lighter_config.tree.references import absolute_path

_TRAINER, _EVALUATOR = "SupervisedTrainer", "SupervisedEvaluator"
_KNOWN = (_TRAINER, _EVALUATOR)
_TO_SYSTEM = {"network": "model", "loss_function": "criterion", "optimizer": "optimizer"}
_LOADERS = ("train_data_loader", "val_data_loader")
_HANDLERS = ("train_handlers", "val_handlers")
_METRICS = ("key_train_metric", "additional_metrics", "key_val_metric")
_GONE = ("_target_", "device", "prepare_batch", "postprocessing", "inferer", "amp", *_LOADERS, *_HANDLERS, *_METRICS)
_SIGNS = ("@", "%")


@dataclass(frozen=True, slots=True)
class _Engine:
    """One engine, at its place in a file, with the value of each argument and where that is written."""

    document: Document
    holder: CommentedMap
    key: Any
    path: Segments
    arguments: CommentedMap

    @property
    def target(self) -> str:
        return str(self.arguments["_target_"]).rpartition(".")[2]

    def written(self, name: str) -> tuple[Any, Any, Any]:
        """Return the value that an argument refers to, with the mapping and key at which it is written."""
        value = self.arguments.get(name)
        at = _referred(value, (*self.path, name))
        if at is None:
            return value, self.arguments, name
        holder = value_at(self.document.root, at[:-1])
        found = value_at(self.document.root, at)
        if isinstance(holder, CommentedMap) and at[-1] in holder:
            return found, holder, at[-1]
        return found, self.arguments, name


def move_engines(documents: Sequence[Document]) -> None:
    """Write a trainer and a system from what the engines are given."""
    for document in documents:
        engines = list(_engines(document))
        has_trainer = any(engine.target == _TRAINER for engine in engines)
        for engine in engines:
            if engine.target not in _KNOWN:
                fix = "write a LightningModule with the steps of this engine"
                document.say(f"the engine {engine.target} has no equivalent", engine.arguments, "_target_", fix=fix)
                continue
            mode = "train" if engine.target == _TRAINER else "val" if has_trainer else "predict"
            moves = _move(engine, mode)
            for other in documents:
                if other is not document:
                    follow(other, moves)
                    _report_lost_keys(other, engine)


def _engines(document: Document) -> list[_Engine]:
    found = []
    for path, mapping in list(mappings(document.root)):
        for key, value in mapping.items():
            target = str(value.get("_target_", "")) if isinstance(value, CommentedMap) else ""
            name = target.rpartition(".")[2]
            is_engine = "." not in target or ".engines" in target
            if is_engine and name.endswith(("Trainer", "Evaluator", "Workflow")):
                found.append(_Engine(document, mapping, key, (*path, key), value))
    return found


def _report_lost_keys(document: Document, engine: _Engine) -> None:
    """Report the keys of another file that change the engine, which is no longer there."""
    for key in list(document.root):
        if segments_of(key)[: len(engine.path)] == engine.path:
            message = f"{format_path(engine.path)} is removed, so nothing can be changed in it"
            document.say(message, document.root, key, fix=handlers.OTHER_ARGUMENT)
            take_out(document.root, key)


def _move(engine: _Engine, mode: str) -> dict[Segments, Segments]:
    document, arguments = engine.document, engine.arguments
    moves: dict[Segments, Segments] = {
        (*engine.path, name): ("system", new) for name, new in _TO_SYSTEM.items() if name in arguments
    }
    moves |= {(*engine.path, name): ("system", "dataloaders", mode) for name in _LOADERS if name in arguments}
    moves[(*engine.path, "max_epochs")] = ("trainer", "max_epochs")
    used = {name: _referred(arguments.get(name), (*engine.path, name)) for name in arguments}
    _report(engine)
    scheduler, interval = _of_handlers(engine)
    inferer, _, _ = engine.written("inferer")
    follow(document, moves)
    take_out(engine.holder, engine.key)  # before the sections: an engine may be called `trainer`
    trainer, system = section(document.root, "trainer"), section(document.root, "system")
    trainer.setdefault("_target_", "pytorch_lightning.Trainer")
    system.setdefault("_target_", "lighter.System")
    for name, new in _TO_SYSTEM.items():
        if name in arguments and new not in system and (mode == "train" or name == "network"):
            put_in(system, new, arguments[name])
    if scheduler is not None and "scheduler" not in system:
        put_in(system, "scheduler", scheduler)
    if _name(inferer) not in ("", "SimpleInferer") and "inferer" not in system:
        put_in(system, "inferer", arguments["inferer"])
    if "max_epochs" in arguments and mode == "train":
        put_in(trainer, "max_epochs", arguments["max_epochs"])
    if interval is not None and interval != "1":
        put_in(trainer, "check_val_every_n_epoch", interval)
    if str(arguments.get("amp")).lower() == "true" and mode != "val":
        put_in(trainer, "precision", "16-mixed")
    for name in _LOADERS:
        if name in arguments:
            _put_loader(system, mode, arguments[name])
    _remove_unused(engine, used, keeps_inferer="inferer" in system)
    return moves


def _put_loader(system: CommentedMap, mode: str, loader: Any) -> None:
    for name in ("dataloaders", "adapters"):
        if not isinstance(system.get(name), CommentedMap):
            put_in(system, name, CommentedMap())
    put_in(system["dataloaders"], mode, loader)
    batch = CommentedMap(_target_="lighter.adapters.BatchAdapter", input_accessor="image")
    if mode != "predict":
        batch["target_accessor"] = "label"
    first = next((name for name in system["adapters"] if "predict" not in (name, mode)), None)
    put_in(
        system["adapters"],
        mode,
        CommentedMap(batch=batch if first is None else quoted(f"%system::adapters::{first}::batch")),
    )


def _report(engine: _Engine) -> None:
    """Say of each part that has no equivalent what to write."""
    document = engine.document
    for name, value in engine.arguments.items():
        found, holder, key = engine.written(str(name))
        if name in _METRICS and isinstance(found, CommentedMap):
            for metric, one in found.items():
                document.say(f"the metric {_name(one) or metric} has no equivalent", found, metric, fix=handlers.METRIC)
        elif name == "postprocessing" and is_given(found):
            document.say("`postprocessing` has no equivalent", holder, key, fix=handlers.POSTPROCESSING)
        elif name == "prepare_batch" and is_given(value):
            document.say("`prepare_batch` has no equivalent", holder, key, fix=handlers.PREPARE_BATCH)
        elif name not in (*_GONE, *_TO_SYSTEM, "max_epochs"):
            document.say(f"{name} of {engine.target} has no equivalent", holder, key, fix=handlers.OTHER_ARGUMENT)


def _of_handlers(engine: _Engine) -> tuple[Any, Any]:
    """Return the scheduler and the interval of validation that handlers have; report the other handlers."""
    scheduler = interval = None
    for name in _HANDLERS:
        found, holder, key = engine.written(name)
        items = list(enumerate(found)) if isinstance(found, CommentedSeq) else []
        if not items and is_given(found) and not isinstance(found, CommentedSeq):
            engine.document.say(
                f"`{name}` is computed, so its handlers are not known", holder, key, fix=handlers.OTHER_HANDLER
            )
        for index, handler in items:
            short = _name(handler)
            if short == "LrScheduleHandler":
                scheduler = handler.get("lr_scheduler")
            elif short == "ValidationHandler":
                interval = handler.get("interval")
            elif short in handlers.NEEDLESS:
                message = f"the handler {short} is removed: {handlers.NEEDLESS[short]}"
                engine.document.say(message, found, index, severity=Severity.NOTE)
            else:
                fix = handlers.HANDLERS.get(short, handlers.OTHER_HANDLER)
                engine.document.say(f"the handler {short or handler} has no equivalent", found, index, fix=fix)
    if isinstance(interval, str) and interval.startswith("@"):
        interval = quoted(f"%{interval[1:]}")
    return scheduler, interval


def _remove_unused(engine: _Engine, used: dict[str, Segments | None], *, keeps_inferer: bool) -> None:
    """Remove the parts that only the engine used and that nothing else can use."""
    gone = [*_HANDLERS, *_METRICS, "postprocessing", *(() if keeps_inferer else ("inferer",))]
    for name in gone:
        at = used.get(name)
        holder = value_at(engine.document.root, at[:-1]) if at else None
        if at and isinstance(holder, CommentedMap) and at[-1] in holder:
            take_out(holder, at[-1])
            if not holder and len(at) > 1:
                above = value_at(engine.document.root, at[:-2])
                if isinstance(above, CommentedMap) and at[-2] in above:
                    take_out(above, at[-2])


def _referred(value: Any, at: Segments) -> Segments | None:
    """Return the path that a value refers to as a whole."""
    if not (isinstance(value, str) and value.startswith(_SIGNS)):
        return None
    try:
        return absolute_path(find_references(str(value))[0], at)
    except ConfigError:
        return None


def _name(value: Any) -> str:
    """Return the short name of a component."""
    return str(value.get("_target_", "")).rpartition(".")[2] if isinstance(value, CommentedMap) else ""
