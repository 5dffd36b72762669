"""``lighter pack``: put a run into one file that somebody else can unpack and run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.code.restoring import Restored
from lighter_cli.code.stored import StoredCode, stored_code
from lighter_cli.commands.runs._run import Run, no_code
from lighter_cli.commands.runs.restore import restored_or_error, words_again
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.packing import CODE, refuse_links, requirements, write_pack
from lighter_cli.runs.record import Record
from lighter_cli.terminal import output
from lighter_cli.terminal.control_characters import escaped
from lighter_cli.terminal.output import PATH, REMOVED, Line
from lighter_config import Finding, Place, SourceError, Stage


def pack(
    run: Run,
    file: Annotated[Path, Parameter(help="The zip file to write.")],
    /,
) -> int:
    """Put record, code, config, checkpoint and requirements of a run into a zip file, with how to run it.

    The checkpoint is the best one, or the last one if none is the best.

    Returns:
        0 if every recorded file is as it was, else 1.
    """
    record = find_run(run)
    code = stored_code(record.folder)
    if code is None:
        raise no_code(record)
    refuse_links(record.folder)
    file = file.expanduser()
    checkpoint = record.checkpoint("best") or record.checkpoint("last")
    is_folder = checkpoint is not None and checkpoint.is_dir()
    try:
        with TemporaryDirectory() as folder:
            restored = restored_or_error(record, code, Path(folder))
            required = requirements(code.packages)
            readme = _readme(record, code, restored, None if is_folder else checkpoint, required)
            texts = {"README.md": readme, "requirements.txt": required}
            left_out = write_pack(file, record.folder, Path(folder), None if is_folder else checkpoint, texts)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror or error}"
        fix = "name a file in a folder that you can write to"
        place = Place("argument 2")
        raise SourceError(Finding(message=message, place=place, excerpt=str(file), fix=fix)) from error
    problems = [*restored.problems, *left_out]
    if checkpoint is None or is_folder:
        problems.append("the run has no checkpoint" if checkpoint is None else f"{checkpoint}: a sharded checkpoint")
    size = file.stat().st_size / 2**20
    what = f", {size:.1f} MiB: run {record.folder.name}, {restored.num_files} files of code"
    lines: list[Line] = [[(str(file), PATH), what]]
    lines += [[("not in it: ", REMOVED), problem] for problem in problems]
    lines += [[note] for note in restored.notes]
    output.write_lines(lines)
    return 1 if problems else 0


def _readme(record: Record, code: StoredCode, restored: Restored, checkpoint: Path | None, required: str) -> str:
    folder = Path(CODE, code.working_directory or ".")
    project = [] if code.project is None else [words_again(record.content, code, restored)[-1]]
    commands: list[Sequence[str]] = [["pip", "install", "-r", "requirements.txt"], ["cd", str(folder)]]
    if checkpoint is not None:
        packed = os.path.relpath(checkpoint.name, folder)
        stages = (Stage.TEST, Stage.PREDICT) if record.content["stage"] == Stage.FIT else (record.content["stage"],)
        commands += [["lighter", str(stage), packed, *project] for stage in stages]
    if record.content["stage"] == Stage.FIT:
        commands.append(["lighter", "fit", restored.config.name, *project])
    content = record.content
    which = "best" if checkpoint == record.checkpoint("best") else "last"
    words = escaped(shlex.join([content["stage"], *content["words"]]), is_line=True)
    return "\n".join(
        [
            f"# Run {record.folder.name}",
            "",
            f"`lighter {words}`, {content['status']}.",
            "",
            "```bash",
            *map(shlex.join, commands),
            "```",
            "",
            f"The run used Python {content['versions'].get('python', 'of an unknown version')}.",
            *_how_to_get_lighter(required),
            "",
            "These commands run the code in `code/`: read it first if you do not trust who sent it.",
            "`--safe` refuses code outside a list, but is not a sandbox, and trusts the folder that `project=` names.",
            "",
            "| in this folder | is |",
            "|---|---|",
            f"| `{CODE}/` | the code and the config as they were when the run started |",
            *([f"| `{checkpoint.name}` | the {which} checkpoint, with the config in it |"] if checkpoint else []),
            "| `record/` | the record: results, curve, places of the values, hashes of the code |",
            "| `requirements.txt` | the versions of the packages that the run used |",
            "",
            "Data is not packed: a path in the config must exist where the commands run.",
            "",
        ]
    )


def _how_to_get_lighter(required: str) -> list[str]:
    """Say what to do if no package index has Lighter, unless it comes from a repository or an address."""
    lines = [line for line in required.splitlines() if line.startswith("lighter-") and " @ " not in line]
    if not lines:
        return []
    return [
        f"If no package index has {lines[-1]}: build its wheels in a checkout of Lighter with",
        "`uv build --all-packages --wheel --out-dir wheels`, and add `--find-links` with that folder to `pip install`.",
    ]
