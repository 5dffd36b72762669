"""``lighter preflight``: rehearse every stage in seconds, before the experiment waits in a queue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lighter_cli.commands._importing import importing
from lighter_cli.commands._inputs import Allow, Inputs, Json, Safe
from lighter_cli.terminal import output, process

if TYPE_CHECKING:
    from lighter_cli.preflight.rehearsal import Preflight


def preflight(
    *inputs: Inputs,
    batches: Annotated[int, Parameter(help="Batches of each loader in each stage.")] = 2,
    keep: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Leave the temporary folder, and print where it is.")
    ] = False,
    safe: Safe = False,
    allow: Allow = None,
    as_json: Json = False,
    traceback: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Show every frame of what fails in a stage.")
    ] = False,
) -> int:
    """Rehearse fit, saving, loading, validate, test and predict in seconds; nothing is left behind."""
    process.show_full_tracebacks(traceback)
    from lighter_cli.preflight.report import findings_json, report_json, report_lines
    from lighter_config import ConfigError

    try:
        result = _rehearsed(inputs, batches=batches, keep=keep, safe=safe, allow=allow or ())
    except ConfigError as error:
        if not as_json:
            raise
        output.write_json(findings_json(error.findings))
        return 1
    if traceback:
        process.print_errors(run.error for run in result.runs if isinstance(run.error, Exception))
    if as_json:
        output.write_json(report_json(result))
    else:
        output.write_lines(report_lines(result, output.width()))
    return int(not result.is_ok)


def _rehearsed(inputs: Sequence[str], *, batches: int, keep: bool, safe: bool, allow: Sequence[str]) -> "Preflight":
    from lighter_cli.inspecting.merged_inputs import load_merged
    from lighter_cli.preflight.rehearsal import Options, rehearse
    from lighter_config import Finding, Place, SourceError

    if batches < 1:
        place, fix = Place("option --batches"), "give 2: the time of a first batch is not that of the others"
        message = f"--batches is {batches}, and a rehearsal needs a batch"
        raise SourceError(Finding(message=message, place=place, excerpt=str(batches), fix=fix))
    config = load_merged(inputs, example="lighter preflight config.yaml", are_errors_logged=False)
    return rehearse(config, Options(batches=batches, keep=keep, safe=safe, allow=allow), importing)
