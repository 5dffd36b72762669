"""``lighter pack``: put a run into one file that somebody else can unpack and run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.code.restoring import Restored, restore
from lighter_cli.code.stored import StoredCode, stored_code
from lighter_cli.commands.runs._run import Run, no_code
from lighter_cli.runs.again import words_again
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
    best = record.checkpoint("best")
    checkpoint = best or record.checkpoint("last")
    which = "last" if best is None else "best"
    is_folder = checkpoint is not None and checkpoint.is_dir()
    with TemporaryDirectory() as folder:
        restored = restore(code, Path(folder))
        required = requirements(code.packages)
        readme = _readme(record, code, restored, required, checkpoint, which)
        texts = {"README.md": readme, "requirements.txt": required}
        try:
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


def _readme(
    record: Record, code: StoredCode, restored: Restored, required: str, checkpoint: Path | None, which: str
) -> str:
    folder = Path(CODE, code.working_directory or ".")
    project = [] if code.project is None else [words_again(record.content, code, restored)[-1]]
    commands: list[Sequence[str]] = [["pip", "install", "-r", "requirements.txt"], ["cd", str(folder)]]
    packed = None if checkpoint is None or checkpoint.is_dir() else checkpoint
    stages = (Stage.TEST, Stage.PREDICT) if record.content["stage"] == Stage.FIT else (record.content["stage"],)
    there = "" if checkpoint is None else os.path.relpath(checkpoint.name, folder)
    starting = [["lighter", str(stage), there, *project] for stage in stages]
    if packed is not None:
        commands += starting
    if record.content["stage"] == Stage.FIT:
        commands.append(["lighter", "fit", restored.config.name, *project])
    content = record.content
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
            *([] if packed else _without_checkpoint(checkpoint, which, shlex.join(starting[0]))),
            "",
            "These commands run the code in `code/`: read it first if you do not trust who sent it.",
            "`--safe` refuses code outside a list, but is not a sandbox, and trusts the folder that `project=` names.",
            "",
            "| in this folder | is |",
            "|---|---|",
            f"| `{CODE}/` | the code and the config as they were when the run started |",
            *([f"| `{packed.name}` | the {which} checkpoint, with the config in it |"] if packed else []),
            "| `record/` | the record: results, curve, places of the values, hashes of the code |",
            "| `requirements.txt` | the versions of the packages that the run used |",
            "",
            "Data is not packed: a path in the config must exist where the commands run.",
            "",
        ]
    )


def _without_checkpoint(checkpoint: Path | None, which: str, command: str) -> list[str]:
    """Say which checkpoint is not in the pack, and how to use it if it is sent in another way."""
    if checkpoint is None:
        return ["The run has no checkpoint."]
    return [
        f"The {which} checkpoint is sharded, a folder, and is not in this file. If you also get the folder",
        f"`{checkpoint.name}`, put it beside this README and run `{command}` in the folder of the commands.",
    ]


def _how_to_get_lighter(required: str) -> list[str]:
    """Say what to do if no package index has Lighter, unless it comes from a repository or an address."""
    lines = [line for line in required.splitlines() if line.startswith("lighter-") and " @ " not in line]
    if not lines:
        return []
    return [
        f"If no package index has {lines[-1]}: build its wheels in a checkout of Lighter with",
        "`uv build --all-packages --wheel --out-dir wheels`, and add `--find-links` with that folder to `pip install`.",
    ]
