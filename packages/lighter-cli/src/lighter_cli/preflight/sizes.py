"""What a whole run leaves on disk: checkpoints and predictions, against the space that is free."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lighter_cli.preflight.outputs import Redirected
from lighter_cli.terminal.shown import size_text
from lighter_config import Config, Finding, Stage


@dataclass(frozen=True, slots=True)
class Written:
    """What one callback or logger wrote in a stage.

    Attributes:
        stage: The stage.
        owner: Its path in the config.
        kind: The name of its class.
        place: The file or folder of a run.
        files: The number of files.
        num_bytes: Their size.
        whole_bytes: Their size after a whole run, as far as it is known.
    """

    stage: Stage
    owner: str
    kind: str
    place: Path
    files: int
    num_bytes: int
    whole_bytes: int | None


def files_in(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the files below a folder, each with its size and the time of its last change."""
    found: dict[Path, tuple[int, int]] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            file = Path(root, name)
            if not file.is_symlink():
                status = file.stat()
                found[file] = status.st_size, status.st_mtime_ns
    return found


def written_in(
    stage: Stage, changed: Iterable[tuple[Path, int]], redirected: Redirected, scale: float | None
) -> Iterator[Written]:
    """Yield what callbacks other than checkpoints wrote in a stage.

    Args:
        stage: The stage.
        changed: The files that are new or changed, with their sizes.
        redirected: Whose they are.
        scale: How many times larger a whole pass is; ``None`` if that is not known.
    """
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for file, size in changed:
        sizes[redirected.output_of(file).path].append(size)
    for output in redirected.outputs:
        if output.path in sizes and output.owner.startswith("trainer::callbacks") and output.kind != "ModelCheckpoint":
            total = sum(sizes[output.path])
            whole = None if scale is None else int(total * scale)
            yield Written(stage, output.owner, output.kind, output.real, len(sizes[output.path]), total, whole)


def size_of(checkpoint: Path) -> int:
    """Return the size of a checkpoint, a file or a folder."""
    if checkpoint.is_dir():
        return sum(size for size, _ in files_in(checkpoint).values())
    return checkpoint.stat().st_size


@dataclass(frozen=True, slots=True)
class Need:
    """What a run needs on a disk.

    Attributes:
        what: Checkpoints, or predictions.
        path: What sets it, in the config.
        place: Where it is written.
        num_bytes: How much.
    """

    what: str
    path: str
    place: Path
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk that a run writes to.

    Attributes:
        folder: A folder on it.
        free_bytes: What is free.
        needs: What the run needs there.
    """

    folder: Path
    free_bytes: int
    needs: Sequence[Need]

    @property
    def needed_bytes(self) -> int:
        """What the run needs there in all."""
        return sum(need.num_bytes for need in self.needs)


def disks_of(needs: Iterable[Need]) -> list[Disk]:
    """Return the disks that a run writes to, with what is free."""
    by_device: defaultdict[int, list[tuple[Path, Need]]] = defaultdict(list)
    for need in needs:
        folder = next(parent for parent in (need.place, *need.place.parents) if parent.is_dir())
        by_device[folder.stat().st_dev].append((folder, need))
    return [
        Disk(found[0][0], shutil.disk_usage(found[0][0]).free, [need for _, need in found])
        for found in by_device.values()
    ]


def check_space(disks: Iterable[Disk], config: Config) -> Iterator[Finding]:
    """Report disks that are too small for the run."""
    for disk in disks:
        if disk.needed_bytes <= disk.free_bytes:
            continue
        largest = max(disk.needs, key=lambda need: need.num_bytes)
        fix = f"write {largest.path} to a larger disk, or write less"
        if largest.what == "checkpoints":
            fix = "keep fewer: set save_top_k, or write them to a larger disk"
        yield Finding(
            message=f"the run needs {size_text(disk.needed_bytes)}, and {size_text(disk.free_bytes)} are free",
            path=largest.path,
            place=config.place(largest.path),
            excerpt=config.excerpt(largest.path),
            expected=(f"{size_text(largest.num_bytes)} of {largest.what} in {largest.place} fit on its disk",),
            fix=fix,
            check="space",
        )
