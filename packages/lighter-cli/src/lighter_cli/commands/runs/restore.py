"""``lighter runs restore``: write the code and the config of a run as they were."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.code.restoring import Restored
from lighter_cli.code.restoring import restore as restore_code
from lighter_cli.code.stored import StoredCode, stored_code
from lighter_cli.commands.runs._run import Run, no_code
from lighter_cli.runs.again import words_again
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.record import Record
from lighter_cli.terminal import output
from lighter_cli.terminal.output import ADDED, PATH, REMOVED, Line


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
    restored = restore_code(code, folder)
    output.write_lines(_lines(record, code, restored, folder))
    return 1 if restored.problems else 0


def _lines(record: Record, code: StoredCode, restored: Restored, folder: Path) -> list[Line]:
    num_recorded = len(code.files) + 1  # with the config
    is_proven = restored.num_proven == num_recorded
    rest = f"; {restored.num_without_hash} more files are of the commit" if restored.num_without_hash else ""
    lines: list[Line] = [
        [f"run {record.folder.name}, {restored.num_files} files written to ", (str(folder), PATH)],
        [(f"{restored.num_proven} of {num_recorded} recorded hashes are right", ADDED if is_proven else REMOVED), rest],
    ]
    lines += [[("not as it was: ", REMOVED), problem] for problem in restored.problems]
    lines += [[f"left out of the record: {text}"] for text in code.left_out]
    lines += [[note] for note in restored.notes]
    words = words_again(record.content, code, restored)
    return [*lines, [f"to run it again: cd {shlex.quote(str(restored.config.parent))} && {shlex.join(words)}"]]
