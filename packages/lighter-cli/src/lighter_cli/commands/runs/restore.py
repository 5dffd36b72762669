"""``lighter runs restore``: write the code and the config of a run as they were."""

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.code.restoring import Restored
from lighter_cli.code.restoring import restore as restore_code
from lighter_cli.code.stored import StoredCode, stored_code
from lighter_cli.commands.runs._run import Run, no_code
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.record import Record
from lighter_cli.terminal import output
from lighter_cli.terminal.output import ADDED, PATH, REMOVED, Line
from lighter_config import Finding, SourceError


def restore(
    run: Run,
    /,
    *,
    to: Annotated[Path, Parameter(help="The folder to write into; it must not exist, or be empty.")],
) -> int:
    """Write the code and the config of a run into a folder, and compare each file with its recorded hash.

    Returns:
        0 if every recorded file is as it was, else 1.
    """
    record = find_run(run)
    code = stored_code(record.folder)
    if code is None:
        raise no_code(record)
    folder = to.expanduser()
    restored = restored_or_error(record, code, folder)
    output.write_lines(_lines(record, code, restored, folder))
    return 1 if restored.problems else 0


def restored_or_error(record: Record, code: StoredCode, folder: Path) -> Restored:
    """Restore a run into a folder.

    Raises:
        SourceError: The folder cannot be written, or the config of the record cannot be read.
    """
    try:
        return restore_code(code, folder)
    except OSError as error:
        file = "" if error.filename is None else f"{error.filename}: "
        message = f"run {record.folder.name} cannot be restored: {file}{error.strerror or error}"
        raise SourceError(Finding(message=message)) from error


def _lines(record: Record, code: StoredCode, restored: Restored, folder: Path) -> list[Line]:
    num_recorded = len(code.files) + 1  # with the config
    is_proven = restored.num_proven == num_recorded
    lines: list[Line] = [
        [f"run {record.folder.name}, {restored.num_files} files written to ", (str(folder), PATH)],
        [(f"{restored.num_proven} of {num_recorded} recorded hashes are right", ADDED if is_proven else REMOVED)],
    ]
    lines += [[("not as it was: ", REMOVED), problem] for problem in restored.problems]
    lines += [[f"left out of the record: {text}"] for text in code.left_out]
    lines += [[note] for note in restored.notes]
    words = words_again(record.content, code, restored)
    return [*lines, [f"to run it again: cd {shlex.quote(str(restored.config.parent))} && {shlex.join(words)}"]]


def words_again(content: Any, code: StoredCode, restored: Restored) -> list[str]:
    """Return the words of the command that runs a restored run again."""
    words = ["lighter", content["stage"], restored.config.name]
    used = content["options"].get("ckpt_path")
    if used is not None:
        words += ["--ckpt-path", used if "://" in used else str(Path(content["working_directory"], used))]
    if content["options"].get("weights_only") is False:
        words.append("--no-weights-only")
    if code.project is not None:
        words.append(f"project={os.path.relpath(code.project, code.working_directory or '.')}")
    return words
