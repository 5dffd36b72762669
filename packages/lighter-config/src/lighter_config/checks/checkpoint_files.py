"""Checkpoints that are not there."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.regular_files import exists, is_folder, with_home
from lighter_config.sections import ARGS
from lighter_config.stages import Stage
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Segments
from lighter_config.tree.references import is_computed, is_copy, literal_text

_FOUND_LATER = ("last", "best", "hpc", "last.ckpt", "best.ckpt")
"""Words that are looked up among the runs when the stage starts."""


def check_checkpoint_files(context: CheckContext) -> Iterator[Finding]:
    """Report an ``args::stage::ckpt_path`` that names no file.

    An error for the stage that is going to run; of the others the file may still be written.
    """
    for stage in Stage:
        path: Segments = (ARGS, stage.value, "ckpt_path")
        value = context.value(path)
        if not isinstance(value, str) or is_computed(value) or is_copy(value) or value in _FOUND_LATER:
            continue
        file = with_home(literal_text(value))
        if "://" in value or exists(file) or not value:
            continue
        folder = file.parent
        names = sorted(entry.name for entry in folder.iterdir()) if is_folder(folder) else []
        nearest = [str(file.with_name(name)) for name in nearest_names(file.name, names)]
        yield context.finding(
            path,
            f"the checkpoint {value!r} does not exist",
            severity=Severity.WARNING if context.stage is None else Severity.ERROR,
            expected=("a checkpoint, `last` or `best`",),
            nearest=nearest,
            fix="" if is_folder(folder) else f"the folder {folder} does not exist",
        )
