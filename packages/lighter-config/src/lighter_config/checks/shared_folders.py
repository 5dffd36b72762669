"""Callbacks and loggers of a sweep that would write all trials into one folder."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.checks.written_paths import written_paths
from lighter_config.findings import Finding
from lighter_config.space.output_folder import folder_path

_STORES = ("MLFlowLogger", "WandbLogger", "CometLogger", "NeptuneLogger")
"""Loggers whose folder holds many runs."""


def check_shared_folders(context: CheckContext) -> Iterator[Finding]:
    """Report folders and files of callbacks and loggers that are not below the folder of the trial."""
    for component, path, value, is_in_folder in written_paths(context.config, context.components):
        if is_in_folder or component.short_name in _STORES:
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
