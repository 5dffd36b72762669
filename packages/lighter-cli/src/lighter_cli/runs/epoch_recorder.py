"""Write the curve of a fit, one line an epoch, and continue that of the run that it resumes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.atomic_files import LineFile
from lighter_cli.lightning_internals import call_around_epochs, computed_metrics
from lighter_cli.runs.epochs import EPOCHS_FILE, Epoch, epoch_of, fields_of, is_count, line_of, read_epochs
from lighter_cli.runs.index import found_runs, name_of
from lighter_cli.runs.metric_values import numbers
from lighter_config import RECORD_FILE
from lighter_config.regular_files import is_regular

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_logger = logging.getLogger(__name__)

_UNFINISHED = "unfinished_epoch"


@dataclass(frozen=True, slots=True)
class _Resumed:
    """The run that wrote the checkpoint which this one resumes.

    Attributes:
        run: Its id.
        folders: Where its record may be.
        epoch: The epoch in which the checkpoint was saved, with what it had logged by then.
    """

    run: str
    folders: Sequence[Path]
    epoch: Epoch

    def epochs(self) -> list[Epoch]:
        """Return its epochs, each with the run that ended it; with a warning if its record is not found."""
        if (folder := self.folder()) is None:
            _logger.warning("%s lacks the epochs of run %s, whose record is not found", EPOCHS_FILE, self.run)
            return []
        return [epoch if epoch.run else epoch._replace(run=self.run) for epoch in read_epochs(folder)]

    def folder(self) -> Path | None:
        """Return the folder of its record; None if it is not found."""
        folders = chain(self.folders, self._listed())  # the list is read only if it must be
        return next((one for one in folders if one.name == self.run and is_regular(one / RECORD_FILE)), None)

    def _listed(self) -> Iterable[Path]:
        return (Path(folder) for folder, _ in found_runs(Path.cwd()) if name_of(folder) == self.run)


class EpochRecorder:
    """Appends one line to ``epochs.jsonl`` when all of an epoch is known: its training, validation and last hooks.

    A line has the values of ``trainer.callback_metrics`` that the epoch has logged; of several validations in an epoch,
    those of the last. It computes no value, so it waits for no other rank. A resumed run writes the lines of the run
    before up to the checkpoint, then its own. If the checkpoint was saved inside an epoch, the line of that epoch also
    has what was logged before.
    """

    def __init__(self) -> None:
        self._folder = Path()
        self._file: LineFile | None = None
        self._start = 0.0
        self._epoch: int | None = None
        self._is_over = False
        self._before: Mapping[str, Any] = {}  # the metrics when the epoch began: new ones are other objects
        self._restored: Mapping[str, float] = {}
        self._resumed: _Resumed | None = None
        self._has_warned = False

    def start(self, trainer: Trainer, folder: Path) -> None:
        """Record the epochs of a fit, which starts now.

        Args:
            trainer: The trainer.
            folder: The folder of the record, which exists.
        """
        self._folder = folder
        self._file = LineFile(folder / EPOCHS_FILE)
        self._start = time.perf_counter()
        call_around_epochs(trainer, lambda: self._begin(trainer), lambda: self.end(trainer))

    def for_checkpoint(self, trainer: Trainer) -> dict[str, Any]:
        """Return what a checkpoint that is saved now must have, so that a resumed run continues the curve."""
        if self._file is None:
            return {}
        return {"folder": str(self._folder), _UNFINISHED: fields_of(self._so_far(trainer, trainer.current_epoch))}

    def resume(self, content: Mapping[str, Any], runs: Path, checkpoint: str | None) -> dict[str, Any]:
        """Continue the curve of the run that wrote a checkpoint.

        Args:
            content: The record in the checkpoint. One of an earlier version has no curve.
            runs: The folder of the records of this run and its neighbors.
            checkpoint: The path of the checkpoint.

        Returns:
            The field ``resumed`` of the record; nothing if the checkpoint does not name its run.
        """
        run, step, folder = content.get("id"), content.get("step"), content.get("folder")
        if not isinstance(run, str) or not is_count(step):
            return {}
        epoch = epoch_of(content.get(_UNFINISHED))
        if self._file is not None and epoch is not None:
            folders = [runs / run, *([Path(folder)] if isinstance(folder, str) else [])]
            folders += [parent / runs.name / run for parent in Path(checkpoint or "").absolute().parents]
            self._resumed = _Resumed(run, folders, epoch._replace(run=run))
        return {"resumed": {"run": run, "step": step}}

    def resumed_record(self) -> Path | None:
        """Return the folder of the record of the run that this one resumes, if it is found."""
        return None if self._resumed is None else self._resumed.folder()

    def note_end(self) -> None:
        """Note that the batches and validations of the epoch are over."""
        self._is_over = True

    def end(self, trainer: Trainer) -> None:
        """Write the line of the epoch, unless it is written or not over."""
        if self._is_over and self._epoch is not None:
            self._write([self._so_far(trainer, self._epoch)])
            self._restored = {}
        self._is_over = False

    def close(self, trainer: Trainer) -> None:
        """Write what is left: the line of an epoch whose last hooks failed, and the epochs before one never begun."""
        self.end(trainer)
        if self._resumed is not None:
            self._write_resumed(self._resumed.epoch.epoch + 1)
        if self._file is not None:
            self._file.close()

    def _begin(self, trainer: Trainer) -> None:
        self._epoch = trainer.current_epoch
        if self._resumed is not None:
            self._write_resumed(self._epoch)
        self._before = dict(computed_metrics(trainer))

    def _write_resumed(self, first: int) -> None:
        """Write the lines of the run before, up to the first epoch of this one."""
        resumed, self._resumed = self._resumed, None
        assert resumed is not None
        epochs = {epoch.epoch: epoch for epoch in resumed.epochs() if epoch.epoch < first}
        if resumed.epoch.epoch < first and resumed.epoch.metrics:  # a killed run may not have written it
            epochs.setdefault(resumed.epoch.epoch, resumed.epoch)
        elif resumed.epoch.epoch == first:
            self._restored = resumed.epoch.metrics
        self._write([epochs[number] for number in sorted(epochs)])

    def _so_far(self, trainer: Trainer, epoch: int) -> Epoch:
        metrics = computed_metrics(trainer)
        restored: Mapping[str, float] = {}
        if epoch == self._epoch:
            before = self._before
            metrics = {name: value for name, value in metrics.items() if value is not before.get(name)}
            restored = self._restored
        else:
            metrics = {}  # saved between two epochs
        now = datetime.now(UTC).isoformat()
        return Epoch(
            epoch, trainer.global_step, time.perf_counter() - self._start, now, {**restored, **numbers(metrics)}
        )

    def _write(self, epochs: list[Epoch]) -> None:
        if self._file is None or not epochs:
            return
        try:
            self._file.append("".join(map(line_of, epochs)))
        except OSError as error:
            if not self._has_warned:
                _logger.warning("epochs are not recorded until %s can be written: %s", EPOCHS_FILE, error)
            self._has_warned = True
