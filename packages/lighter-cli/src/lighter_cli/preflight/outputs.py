"""Where an experiment writes, and where its rehearsal writes instead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lighter_cli.preflight.words import quoted
from lighter_cli.terminal.shown import shown_path
from lighter_config import Config, Finding, format_path, is_computed, load, resolved
from lighter_config.checks.components import components_in
from lighter_config.checks.written_paths import written_paths
from lighter_config.sections import TRAINER, VARS
from lighter_config.space.output_folder import folder_path

_ROOT_DIR = "trainer::default_root_dir"
_WRITING = ("dirpath", "save_dir", "save_path", "output_dir", "output_path", "out_dir", "log_dir")
"""Arguments that name an output also outside callbacks and loggers; others may name what is read."""


@dataclass(frozen=True, slots=True)
class Output:
    """One place that an experiment writes to.

    Attributes:
        path: The argument that names it.
        owner: The path of the callback or logger; that of the trainer for its folder.
        kind: The name of the owner's class.
        real: The folder or file of a run.
        rehearsed: What stands for it in the rehearsal.
    """

    path: str
    owner: str
    kind: str
    real: Path
    rehearsed: Path


@dataclass(frozen=True, slots=True)
class Redirected:
    """A config whose outputs are in a temporary folder.

    Attributes:
        config: The config.
        outputs: The places, that of the trainer first.
    """

    config: Config
    outputs: Sequence[Output]

    def output_of(self, file: Path) -> Output:
        """Return the place that a file of the rehearsal belongs to; by default the trainer's folder."""
        return max(self.outputs, key=lambda output: len(str(output.rehearsed)) if _holds(output, file) else 0)

    def real(self, file: Path) -> Path:
        """Return the file of a run that a file of the rehearsal stands for."""
        output = self.output_of(file)
        return output.real / file.relative_to(output.rehearsed) if _is_below(file, output.rehearsed) else output.real


def redirected(config: Config, folder: Path, words: Iterable[str] = ()) -> Redirected:
    """Return a config that writes to a folder: the trainer, and callbacks and loggers whose places are written out.

    Args:
        config: The config.
        folder: The folder.
        words: More overrides.
    """
    root = folder / "root"
    components = list(components_in(config.expanded().tree, lambda _: True))
    found = [*written_paths(config, components)]
    moved = [f"{folder_path(config)}={quoted(root)}"]
    folders: dict[str, int] = {}  # neighbors stay neighbors: two writers of one file meet here too
    for _, path, value, is_in_folder in found:
        if not is_in_folder:
            parent, _, name = value.rstrip("/").rpartition("/")
            number = folders.setdefault(parent, len(folders))
            moved.append(f"{format_path(path)}={quoted(folder / 'elsewhere' / str(number) / (name or 'output'))}")
    known_before = resolved(config)
    moved += _kept_inputs(known_before, resolved(load([config, *moved])), root)
    changed = load([config, *moved, *words])
    known = resolved(changed)
    given = known_before.get(_ROOT_DIR, None)
    is_folder = isinstance(given, str) and "://" not in given and not is_computed(given)
    real_root = Path(given if is_folder else ".").absolute()
    outputs = [Output(_ROOT_DIR, "trainer", "Trainer", real_root, root)]
    for component, path, value, _ in found:
        new = known.get(format_path(path), None)
        if isinstance(new, str) and "://" not in value:
            owner = format_path(component.path)
            real = Path(os.path.abspath(value))  # noqa: PTH100  # `..` goes, links stay
            outputs.append(Output(format_path(path), owner, component.short_name, real, Path(new)))
    return Redirected(changed, outputs)


def _kept_inputs(before: Config, after: Config, root: Path) -> Iterator[str]:
    """Yield words that keep what other parts read from the folder of the outputs, such as weights of an earlier run."""
    for segments, value in after.walk():
        if segments[0] in (TRAINER, VARS) or segments[-1] in _WRITING or not isinstance(value, str):
            continue
        path = format_path(segments)
        given = before.get(path, None)
        if str(root) in value and not is_computed(value) and isinstance(given, str) and not is_computed(given):
            yield f"{path}={quoted(given)}"


def check_places(outputs: Iterable[Output], config: Config) -> Iterator[Finding]:
    """Report places that a run could not write to: the rehearsal writes elsewhere, so that it does not meet them."""
    seen: set[Path] = set()
    for output in outputs:
        if output.real in seen:
            continue
        seen.add(output.real)
        existing = next(folder for folder in (output.real, *output.real.parents) if os.path.lexists(folder))
        reason = None
        if existing != output.real and not existing.is_dir():
            reason = f"{existing} is a file"
        elif existing == output.real and output.rehearsed.exists() and existing.is_dir() != output.rehearsed.is_dir():
            reason = f"there is a {'folder' if existing.is_dir() else 'file'} of that name"
        elif not os.access(existing, os.W_OK):
            reason = f"no permission to write into {existing}"
        if reason is not None:
            yield Finding(
                message=f"{output.kind} cannot write {shown_path(output.real)}: {reason}",
                path=output.path,
                place=config.place(output.path) or config.place(output.owner),
                excerpt=config.excerpt(output.path),
                expected=("a place that can be written when the run starts",),
                fix=f"give {output.path} another place, or move what is there",
            )


def _holds(output: Output, file: Path) -> bool:
    """Return whether a file is in a place, or beside it with the name of a mode: ``a.csv`` and ``a.test.csv``."""
    place = output.rehearsed
    is_beside = file.parent == place.parent and place.suffix != "" and file.name.startswith(place.stem)
    return is_beside or _is_below(file, place)


def _is_below(file: Path, place: Path) -> bool:
    return file == place or place in file.parents
