"""Put a run into one file for somebody else: record, code, config, checkpoint, requirements and how to run it."""

import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from lighter_cli import installed_from
from lighter_cli.atomic_files import open_atomically
from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.runs.epochs import EPOCHS_FILE
from lighter_cli.runs.picture_recorder import IMAGES_FILE, IMAGES_FOLDER, MATRICES_FILE, PICTURE_SUFFIX, is_picture
from lighter_config import RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, Finding, SourceError
from lighter_config.regular_files import exists, is_regular, open_regular

CODE = "code"
"""The folder of the code in a pack."""

_RECORD = "record"
_FILES = (
    RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, EPOCHS_FILE, IMAGES_FILE, MATRICES_FILE, CODE_FILE, PATCH_FILE
)  # fmt: skip
_BUILT_FOR_A_DEVICE = ("torch", "torchvision", "torchaudio")
_MAX_BYTES = 128 * 2**20  # of a file of the record, as readers of the curve have it


def refuse_links(record: Path) -> None:
    """Refuse to pack a record whose files are links: another file would be given away in the place of one.

    Raises:
        SourceError: One of them is a link.
    """
    for name in _FILES:
        if (record / name).is_symlink():
            raise SourceError(
                Finding(
                    message=f"the run {record.name} is not packed: its {name} is a link",
                    expected=("files of the record itself",),
                    fix="replace the link by the file if you made it",
                )
            )


def write_pack(file: Path, record: Path, code: Path, checkpoint: Path | None, texts: Mapping[str, str]) -> list[str]:
    """Write the zip file of a run; all is in one folder, which has the name of the file.

    Args:
        file: The file to write. It appears when it is complete.
        record: The folder of the record.
        code: The folder of the restored code and config.
        checkpoint: The checkpoint, a file.
        texts: Further text files, by their names.

    Returns:
        What was left out, by name.

    Raises:
        OSError: The pack cannot be written, or reading a file fails in the middle.
    """
    left_out = []
    with open_atomically(file) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, text in texts.items():
            pack.writestr(f"{file.stem}/{name}", text)
        for name in _FILES:
            if not exists(record / name):
                continue
            if not is_regular(record / name):
                left_out.append(f"{_RECORD}/{name}: not a regular file")
            elif (record / name).stat().st_size > _MAX_BYTES:
                left_out.append(f"{_RECORD}/{name}: larger than {_MAX_BYTES // 2**20} MiB")
            else:
                left_out += _add(pack, record / name, f"{file.stem}/{_RECORD}/{name}")
        for path in sorted((record / IMAGES_FOLDER).rglob(f"*{PICTURE_SUFFIX}")):
            name = path.relative_to(record).as_posix()
            if is_picture(record, name):
                left_out += _add(pack, path, f"{file.stem}/{_RECORD}/{name}", zipfile.ZIP_STORED)
            else:
                left_out.append(f"{_RECORD}/{name}: a link, or not a regular file")
        for path in sorted(code.rglob("*")):
            name = path.relative_to(code).as_posix()
            if path.is_symlink():
                left_out.append(f"{name}: a link")
            elif path.is_file():
                left_out += _add(pack, path, f"{file.stem}/{CODE}/{name}")
        if checkpoint is not None:  # weights do not get smaller
            left_out += _add(pack, checkpoint, f"{file.stem}/{checkpoint.name}", zipfile.ZIP_STORED)
    return left_out


def requirements(packages: Mapping[str, str]) -> str:
    """Return the text of ``requirements.txt``: Lighter, and the packages that the run had imported, as they were.

    A build of torch or of its siblings, such as ``+cu132``, is left to the machine that installs it.

    Args:
        packages: The versions of the packages.
    """
    lighter = installed_from.requirements_elsewhere(packages)
    others = [
        f"{name}=={version.partition('+')[0] if name in _BUILT_FOR_A_DEVICE else version}"
        for name, version in sorted(packages.items())
        if name not in installed_from.PACKAGES
    ]
    return "\n".join([*lighter, *others, ""])


def _add(pack: zipfile.ZipFile, file: Path, name: str, compression: int = zipfile.ZIP_DEFLATED) -> list[str]:
    """Add a file; return what is left out: a file that cannot be opened."""
    try:
        source = open_regular(file)
    except OSError as error:
        return [f"{name.partition('/')[2]}: {error.strerror or error}"]
    with source:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = compression
        entry.external_attr = (os.fstat(source.fileno()).st_mode & 0o777) << 16
        with pack.open(entry, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
    return []
