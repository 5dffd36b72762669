"""Write the code and the config of a run into a folder as they were, and prove it by their hashes."""

import os
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lighter_cli.atomic_files import NOT_WRITABLE
from lighter_cli.code.files import hash_of, read_code
from lighter_cli.code.stored import LINK, StoredCode, StoredFile, StoredFiles, is_inside
from lighter_config import RECORDED_CONFIG, Finding, SourceError
from lighter_config.regular_files import exists, is_folder, read_regular
from lighter_config.tree.credentials import MASK

_TARGET_INSIDE = re.compile(r"((?:\.\./)*)(?!/)(?:(?!\.\.?(?:/|$))[^/]+/?)+")


@dataclass(slots=True)
class Restored:
    """What was written.

    Attributes:
        config: The config, in the working directory of the run.
        num_files: How many files were written.
        num_without_hash: How many of them the record has no hash of: other files of the commit, and of the patch.
        num_proven: How many have the recorded hash.
        problems: What is not as it was, by name.
        notes: What else is needed to run it as it was.
    """

    config: Path
    num_files: int = 0
    num_without_hash: int = 0
    num_proven: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def restore(code: StoredCode, folder: Path) -> Restored:
    """Write the files of a run into a new or empty folder. Nothing is executed, and nothing is written elsewhere.

    The config is written as ``<run>.yaml`` into what was the working directory.

    Raises:
        SourceError: The folder is not empty or cannot be written, or the config of the record cannot be read.
    """
    try:
        return _restored(code, folder)
    except OSError as error:
        file = "" if error.filename is None else f"{error.filename}: "
        message = f"run {code.folder.name} cannot be restored: {file}{error.strerror or error}"
        is_of_record = error.filename is not None and Path(error.filename).is_relative_to(code.folder)
        can_be_elsewhere = error.errno in NOT_WRITABLE and not is_of_record
        fix = "name a folder that you can write to" if can_be_elsewhere else ""
        raise SourceError(Finding(message=message, fix=fix)) from error


def _restored(code: StoredCode, folder: Path) -> Restored:
    if exists(folder) and not (is_folder(folder) and not any(folder.iterdir())):
        message = f"the folder {str(folder)!r} is not empty" if is_folder(folder) else f"{str(folder)!r} is a file"
        raise SourceError(Finding(message=message, fix="name a folder that does not exist"))
    working_directory = folder / (code.working_directory or ".")
    working_directory.mkdir(parents=True, exist_ok=True)
    restored = Restored(config=working_directory / f"{code.folder.name}.yaml")
    stored = StoredFiles(code)
    restored.problems += stored.problems
    links = []
    not_written = set()
    for file in stored.read(stored.paths):
        if file.mode == LINK and file.content is not None:
            links.append(file)
        elif problem := _write(file, folder, restored):
            restored.problems.append(f"{file.path}: {problem}")
            not_written.add(file.path)
        else:
            restored.num_without_hash += file.path not in code.files
    for link in links:  # last: no file is written through one
        if problem := _link(link, folder):
            restored.problems.append(f"{link.path}: {problem}")
            not_written.add(link.path)
    _write_config(code, restored)
    _prove(code, folder, restored, not_written)
    return restored


def _write(file: StoredFile, folder: Path, restored: Restored) -> str:
    """Write a file; return why that is not possible."""
    if not is_inside(file.path):
        return "it would be outside the folder"
    if file.content is None:
        return file.problem
    target = folder / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            stream.write(file.content)
        if file.is_executable:
            target.chmod(target.stat().st_mode | 0o111)
    except OSError as error:
        return error.strerror or str(error)
    restored.num_files += 1
    return ""


def _link(file: StoredFile, folder: Path) -> str:
    """Make a link, unless it leads out of the folder; return why it is not made."""
    target = os.fsdecode(file.content or b"")
    match = _TARGET_INSIDE.fullmatch(target)
    depth = len(PurePosixPath(file.path).parts) - 1
    if not is_inside(file.path) or match is None or match[1].count("/") > depth:
        return f"a link to {target!r}, which is outside the folder"
    try:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).symlink_to(target)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _write_config(code: StoredCode, restored: Restored) -> None:
    content = read_regular(code.folder / RECORDED_CONFIG)
    with restored.config.open("xb") as stream:
        stream.write(content)
    restored.num_files += 1
    if hash_of(content) == code.config:
        restored.num_proven += 1
    else:
        restored.problems.append(f"{restored.config.name}: the recorded config has changed")
    if num_masks := content.count(MASK.encode()):
        restored.notes.append(f"the config has a mask in the place of {num_masks} secrets: give them when you run it")


def _prove(code: StoredCode, folder: Path, restored: Restored, not_written: AbstractSet[str]) -> None:
    """Compare the hashes of what is on the disk now with those in the record.

    Args:
        code: What the record says.
        folder: The folder of the restored files.
        restored: Gets the number of right hashes, and the problems.
        not_written: The files whose problem is known.
    """
    for path, recorded in code.files.items():
        try:
            is_as_it_was = hash_of(read_code(folder / path)) == recorded
        except OSError:
            is_as_it_was = False
        restored.num_proven += is_as_it_was
        if not is_as_it_was and path not in not_written:
            missing = "is not in the record" if not exists(folder / path) else "is not as it was"
            reason = ": a secret in it may be masked" if code.is_masked and exists(folder / path) else ""
            restored.problems.append(f"{path}: it {missing}{reason}")
    for file, recorded in code.outside.items():
        if file in code.configs:
            continue  # the merged config holds its values
        try:
            changed = "" if hash_of(read_code(file)) == recorded else "it has changed since"
        except OSError as error:
            changed = error.strerror or str(error)
        if changed:
            restored.problems.append(f"{file}: outside the folders that are kept, {changed}")
