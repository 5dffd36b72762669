"""Write the root of a LightningCLI config as sections."""

from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import Document
from lighter_cli.migration.from_lightning_cli.classes import lightning_of
from lighter_cli.migration.from_lightning_cli.scripts import classes_of_scripts
from lighter_cli.migration.interpolations import Interpolations
from lighter_cli.migration.tree import (
    Segments,
    is_given,
    put_in,
    rename_key,
    section,
    splice,
    take_out,
)
from lighter_config import Severity, Stage

_ARGUMENTS_OF_STAGES = ("ckpt_path", "weights_only", "verbose", "return_predictions", "dataloaders", "datamodule")
_CLASS_SECTIONS = {
    "model": "the LightningModule that the script gives to LightningCLI",
    "data": "the LightningDataModule that the script gives to LightningCLI",
}
_MADE_BY_THE_CLI = {
    "optimizer": "AdamW",
    "lr_scheduler": "CosineAnnealingLR",
}


def hoist_stages(documents: Sequence[Document]) -> None:
    """Write what stands under `fit:` or another stage at the root; of several stages, the first."""
    for document in documents:
        root = document.root
        stages = [stage for stage in Stage if isinstance(root.get(stage), CommentedMap)]
        for stage in stages:
            content = root[stage]
            if not any(name in content for name in ("trainer", "model", "data", *_ARGUMENTS_OF_STAGES)):
                continue
            if stage != stages[0]:
                fix = "write what differs as a file of its own, and give it after this one"
                document.say(f"`{stage}` is left: one config is for all stages", root, stage, fix=fix)
                continue
            for name in splice(root, stage.value):
                document.say(f"{name} is given twice, at the root and under {stage}", root, name, fix="remove one")
            _move_arguments(document, stage)


def read_environment(documents: Sequence[Document]) -> None:
    """Write `${oc.env:DATA,default}` as an expression, and `${model.init_args.lr}` as a reference."""
    Interpolations(documents, path_of=_path_of).rewrite()


def rename_sections(documents: Sequence[Document]) -> None:
    """Name the class of the trainer, rename the seed, and report what LightningCLI takes from its script."""
    lightning = lightning_of(documents)
    trained: set[str] = set()  # the sections that an earlier file names the class of
    for document in documents:
        _move_arguments(document, Stage.FIT)
        _rename_seed(document)
        trainer = document.root.get("trainer")
        if isinstance(trainer, CommentedMap) and "trainer" not in trained:
            trained.add("trainer")
            if "_target_" not in trainer:
                put_in(trainer, "_target_", f"{lightning}.Trainer", position=0)
        for name, what in _CLASS_SECTIONS.items():
            part = document.root.get(name)
            if not isinstance(part, CommentedMap) or name in trained:
                continue
            trained.add(name)
            if "_target_" not in part:
                message = f"`{name}` has no class_path: its class is in the script"
                nearest = classes_of_scripts(Path(document.name).parent)[name] or classes_of_scripts(Path())[name]
                target = nearest[0] if nearest else "package.module.Class"
                fix = f"write `_target_: {target}` first in `{name}`: {what}"
                document.say(message, document.root, name, nearest=nearest, fix=fix)
        for name, example in _MADE_BY_THE_CLI.items():
            if name in document.root:
                fix = (
                    f"give it to the model as an argument, `{name}: {{_target_: …{example}, _mode_: partial, …}}`, and "
                    "return it from configure_optimizers; a LighterModule takes `model::optimizer`"
                )
                message = f"`{name}` at the root has no equivalent: LightningCLI writes configure_optimizers from it"
                document.say(message, document.root, name, fix=fix)


def _path_of(path: Segments) -> Segments:
    renamed = {"seed_everything": "seed"}
    names = (renamed.get(path[0], path[0]), *path[1:]) if path else path
    return tuple(
        "_target_" if name == "class_path" else name for name in names if name not in ("init_args", "dict_kwargs")
    )


def _rename_seed(document: Document) -> None:
    root = document.root
    if "seed_everything" not in root:
        return
    value = root["seed_everything"]
    if (isinstance(value, str) and value.lower() in ("true", "false")) or not is_given(value):
        message = (
            f"`seed_everything: {'null' if value is None else value}` is removed: the seed is 0 unless one is given"
        )
        document.say(message, root, "seed_everything", fix="write `seed: 42`", severity=Severity.NOTE)
        take_out(root, "seed_everything")
    else:
        rename_key(root, "seed_everything", "seed")


def _move_arguments(document: Document, stage: Stage) -> None:
    """Move the arguments of the Trainer's method to `args`; those that are null are removed."""
    root = document.root
    for name in _ARGUMENTS_OF_STAGES:
        if name not in root:
            continue
        value, comments = take_out(root, name)
        if not is_given(value) or (name == "verbose" and value == "true"):
            continue  # as without it
        target = Stage.VALIDATE if name == "verbose" and stage is Stage.FIT else stage
        arguments = section(root, "args")
        if not isinstance(arguments.get(target.value), CommentedMap):
            put_in(arguments, target.value, CommentedMap())
        put_in(arguments[target.value], name, value, comments=comments)
