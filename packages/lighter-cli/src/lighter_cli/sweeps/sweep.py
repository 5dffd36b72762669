"""A sweep as a folder: begin one or find it, and decide what its workers do next."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lighter_cli.atomic_files import write_atomically
from lighter_cli.errors import SweepError
from lighter_cli.runs import environment
from lighter_cli.runs.frozen import CODE, config_text, freeze_code, keep_config
from lighter_cli.runs.trial import TRIALS
from lighter_cli.sweeps.freezing import changes_since, fingerprint, hashes_of_files, space_facts
from lighter_cli.sweeps.layout import BEST, LOCK_FILE, OWNER, STOP_FILE, SWEEP_FILE, SWEEPS, read_json
from lighter_cli.sweeps.locks import locked
from lighter_cli.sweeps.plan import Plan
from lighter_cli.sweeps.results_writer import write_results
from lighter_cli.sweeps.trials import Trials
from lighter_config import RECORDED_CONFIG, Config, FileSource, Finding, SourceError
from lighter_config.regular_files import exists
from lighter_config.space import Space, with_files_inside

_logger = logging.getLogger(__name__)

FORMAT = 1
_NUM_LETTERS = 4


class Sweep:
    """A sweep in its folder.

    Args:
        folder: The folder.
        plan: What it is.

    Attributes:
        trials: Its trials.
        is_new: Whether this process began it.
    """

    def __init__(self, folder: Path, plan: Plan, *, is_new: bool = False) -> None:
        self.folder = folder
        self.plan = plan
        self.is_new = is_new
        self.trials = Trials(folder)
        self.facts = read_json(folder / SWEEP_FILE) or {}

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def space(self) -> Space:
        """Its space."""
        return self.plan.space

    @property
    def project(self) -> str | None:
        """The folder that trials import as ``project``."""
        code = self.folder / CODE
        return str(code) if exists(code) else self.facts.get("project")

    def lock(self) -> Any:
        """Hold the lock under which trials are asked for, claimed and closed."""
        return locked(self.folder / LOCK_FILE)

    def remove(self) -> None:
        """Remove a sweep in which no trial has begun, and the folder of all sweeps if it holds no other one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()

    def make_trial(self, number: int, assignment: Any) -> None:
        """Make the folder of a trial."""
        settings = {} if self.project is None else {"project": self.project}
        self.trials.make(number, assignment, self.space, self.plan.config, settings)

    def wanted_stop(self) -> Literal["after saving", "now"] | None:
        """Return how ``lighter sweeps stop`` wants it to stop."""
        try:
            text = (self.folder / STOP_FILE).read_text(encoding="utf-8")
        except OSError:
            return None
        return "now" if text == "now" else "after saving"

    def write_results(self) -> None:
        """Write the table of results, and the link to the best trial."""
        best = write_results(self.folder, self.trials, self.space)
        if best is None:
            return
        link, temporary = self.folder / BEST, self.folder / f".{BEST}"
        target = os.path.relpath(self.trials.folder_of(best), self.folder)
        if link.is_symlink() and str(link.readlink()) == target:
            return
        with suppress(OSError):  # a disk without links
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target)
            temporary.replace(link)


def find_folder(plan: Plan, working_directory: Path) -> Path:
    """Return the folder of a sweep, which may not exist yet."""
    if plan.folder is not None:
        return plan.folder
    parent = working_directory / SWEEPS
    if plan.name is not None:
        return parent / plan.name
    stem = next((source.path.stem for source in plan.config.sources if isinstance(source, FileSource)), "sweep")
    for length in range(_NUM_LETTERS, len(plan.identity)):
        folder = parent / f"{stem}-{plan.identity[:length]}"
        facts = read_json(folder / SWEEP_FILE)
        if facts is None or facts.get("identity") == plan.identity:
            return folder
    raise AssertionError("two sweeps with one hash")


def open_sweep(plan: Plan, working_directory: Path | None = None) -> Sweep:
    """Begin a sweep, or find the one that was begun with the same words.

    Raises:
        SourceError: The config has changed since it began, or it was begun by a newer version of Lighter.
    """
    folder = find_folder(plan, (working_directory or Path.cwd()).absolute())
    config = with_files_inside(plan.space)
    text = config_text(config, OWNER)
    is_new = not exists(folder / SWEEP_FILE)
    if is_new:
        _begin(folder, plan, config)
        if plan.name is None:
            _note_same_words(folder, plan)
    sweep = _opened(folder, plan, is_new=is_new)
    if plan.folder is None and not is_new:
        _refuse_changes(folder, text)
        _refuse_changed_files(sweep)
    if not is_new:
        (folder / STOP_FILE).unlink(missing_ok=True)
        _warn_of_changed_code(sweep)
    _update(sweep)
    sweep.trials.refresh()
    return sweep


def join_sweep(plan: Plan) -> Sweep:
    """Open a sweep that another process has begun, as it is: one that was told to stop stays so.

    Raises:
        SourceError: It was begun by a newer version of Lighter.
    """
    assert plan.folder is not None
    sweep = _opened(plan.folder, plan)
    sweep.trials.refresh()
    return sweep


def _opened(folder: Path, plan: Plan, *, is_new: bool = False) -> Sweep:
    sweep = Sweep(folder, plan, is_new=is_new)
    if (version := sweep.facts.get("format")) != FORMAT:
        message = f"the sweep {folder.name} has format {version!r}, this version of Lighter reads format {FORMAT}"
        raise SourceError(Finding(message=message))
    return sweep


def _begin(folder: Path, plan: Plan, config: Config) -> None:
    """Make the folder of a sweep: whole, or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # a process on another machine may begin the same sweep at once, and have the same process id
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    (temporary / TRIALS).mkdir(parents=True)
    try:
        with locked(temporary / LOCK_FILE):  # a disk without locks is refused before anything starts
            pass
    except SweepError:
        shutil.rmtree(temporary)
        raise
    keep_config(temporary, config, OWNER)
    code = freeze_code(config, temporary / CODE)
    for note in code.notes:
        _logger.warning("%s", note)
    facts = {
        "format": FORMAT,
        "name": folder.name,
        "identity": plan.identity,
        "made": datetime.now(UTC).isoformat(),
        "process": environment.this_process(),
        "versions": environment.versions(),
        "working_directory": str(Path.cwd()),
        "words": list(config.words),
        "project": None if code.project in (None, temporary / CODE) else str(code.project),
        "fingerprint": fingerprint(config),
        "space": space_facts(plan.space),
        "files": hashes_of_files(plan.space),
    }
    write_atomically(temporary / SWEEP_FILE, json.dumps(facts, indent=1, default=str))
    try:
        temporary.rename(folder)
    except OSError:
        shutil.rmtree(temporary)
        if not exists(folder / SWEEP_FILE):  # else another process was faster
            raise


def _note_same_words(folder: Path, plan: Plan) -> None:
    """Say which sweep began with the same words, when a file among them gives other dimensions now."""
    now = {"words": list(plan.config.words), "working_directory": str(Path.cwd())}
    judged = {name: space_facts(plan.space)[name] for name in ("repeats", "objectives")}
    for facts in filter(None, (read_json(other / SWEEP_FILE) for other in folder.parent.iterdir() if other != folder)):
        if now.items() <= facts.items() and judged.items() <= facts["space"].items():
            text = "the space is not that of %s, so this is another sweep; --name %s continues that one"
            _logger.warning(text, facts["name"], facts["name"])


def _update(sweep: Sweep) -> None:
    """Keep what may differ between two commands of one sweep: the options, and how trials are pruned."""
    space, plan = sweep.space, sweep.plan
    pruning = None
    if space.pruner is not None and len(space.objectives) == 1:
        epochs = plan.config.expanded().get("trainer::max_epochs", None)
        max_epochs = epochs if isinstance(epochs, int) and epochs > 0 else 0
        pruning = {"name": space.objectives[0].name, "pruner": space.pruner, "max_epochs": max_epochs}
    facts = {
        **sweep.facts,
        "objectives": [[one.name, one.direction] for one in space.objectives],
        "options": {name: value for name, value in plan.options.items() if value not in (None, (), [])},
        "pruning": pruning,
        "files": {**sweep.facts.get("files", {}), **hashes_of_files(space)},
        "repeats": space.num_repeats,
        "trials": space.num_trials,
    }
    if facts != sweep.facts:
        sweep.facts = facts
        write_atomically(sweep.folder / SWEEP_FILE, json.dumps(facts, indent=1, default=_plain))


def _refuse_changes(folder: Path, text: str) -> None:
    changes = changes_since((folder / RECORDED_CONFIG).read_text(encoding="utf-8"), text)
    if changes:
        shown = "; ".join(changes[:3]) + (f"; and {len(changes) - 3} more" if len(changes) > 3 else "")
        raise SourceError(
            Finding(
                message=f"the config has changed since the sweep {folder.name} began",
                expected=(shown,),
                fix=f"begin another with --name NEW; or continue with what it began with: "
                f"lighter sweep {os.path.relpath(folder)}",
            )
        )


def _refuse_changed_files(sweep: Sweep) -> None:
    """Refuse choices that are files with another content than when the sweep began."""
    then, now = sweep.facts.get("files", {}), hashes_of_files(sweep.space)
    changed = [name for name, content in now.items() if then.get(name, content) != content]
    if changed:
        message = f"{changed[0]} has changed since the sweep {sweep.name} began"
        raise SourceError(Finding(message=message, fix="undo the change, or begin another sweep with --name NEW"))


def _warn_of_changed_code(sweep: Sweep) -> None:
    if sweep.facts.get("fingerprint") not in (None, fingerprint(sweep.plan.config)):
        copied = ", but the trials use the copy that was made then" if exists(sweep.folder / CODE) else ""
        _logger.warning("the code has changed since the sweep %s began%s", sweep.name, copied)


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
