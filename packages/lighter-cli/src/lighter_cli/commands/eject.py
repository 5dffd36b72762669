"""``lighter eject``: write an experiment as a script of PyTorch Lightning."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.commands._inputs import Inputs
from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_cli.terminal import output, standard_input
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import Config, Finding, Place, Secrets, Severity, SourceError, Stage
from lighter_config.tree.credentials import how_to_give

_logger = logging.getLogger(__name__)


def eject(
    *inputs: Inputs,
    file: Annotated[
        str | None,
        Parameter(name=["--output", "-o"], help="The file to write; by default the script is printed."),
    ] = None,
    stage: Annotated[
        Stage | None, Parameter(help="Write only this stage; by default all that the config has everything for.")
    ] = None,
) -> None:
    """Write the experiment as a script of PyTorch Lightning that gives the same numbers."""
    config = load_merged(inputs, example="lighter eject config.yaml", are_errors_logged=False)
    log_findings(_secrets(config))
    from lighter_cli.ejecting.script import write_script
    from lighter_cli.ejecting.stage_code import usable_stages

    text = write_script(config, usable_stages(config, stage), standard_input.restore(inputs))
    if file is None:
        output.write_lines([line] for line in text.splitlines())
        return
    try:
        write_atomically(Path(file), text)
    except OSError as error:
        place = Place("option --output")
        message = f"{file} cannot be written: {error.strerror}"
        fix = "name a file in a folder that you can write to"
        raise SourceError(Finding(message=message, place=place, excerpt=file, fix=fix)) from error
    _logger.info("%s is written; run it with `python %s`", file, file)


def _secrets(config: Config) -> Iterator[Finding]:
    """Warn of the secrets that the script will hold; unlike a record, it must run as it is."""
    for path in Secrets(config).paths:
        yield Finding(
            message=f"{path} looks like a secret: the script holds it in clear",
            severity=Severity.WARNING,
            path=path,
            place=config.place(path),
            excerpt=f"{path}: ***",
            fix=how_to_give(path),
        )
