"""Callbacks and loggers of a sweep that would write all trials into one folder."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.dumping.resolved_view import resolved
from lighter_config.findings import Finding
from lighter_config.sections import TRAINER
from lighter_config.space.output_folder import folder_path, in_folder
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy

_ARGUMENTS = {"callbacks": ("dirpath", "path"), "logger": ("save_dir",)}
_STORES = ("MLFlowLogger", "WandbLogger", "CometLogger", "NeptuneLogger")
"""Loggers whose folder holds many runs."""

_FOLDER = "\0folder"  # no file can have this name


def check_shared_folders(context: CheckContext) -> Iterator[Finding]:
    """Report folders and files of callbacks and loggers that are not below the folder of the trial."""
    suspects = [
        (*component.path, name)
        for component in context.components
        if component.path[0] == TRAINER and len(component.path) > 1 and component.short_name not in _STORES
        for name in _ARGUMENTS.get(component.path[1], ())
        if isinstance(component.keywords.get(name), str)
    ]
    if not suspects:
        return
    known = resolved(in_folder(context.config, _FOLDER))
    for path in suspects:
        value = known.get(format_path(path), None)
        if not isinstance(value, str) or is_computed(value) or is_copy(value) or _FOLDER in value:
            continue
        name = value.rstrip("/").rpartition("/")[2]
        where = folder_path(context.config)
        missing = "" if context.config.has(where) else f"add {where}, and "
        yield context.finding(
            path,
            f"every trial would write to {value}",
            expected=(f"a place below @{where}, which is another one in each trial",),
            fix=f"""leave {path[-1]} out, or {missing}write {path[-1]}: "$@{where} + '/{name}'\"""",
        )
