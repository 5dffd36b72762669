"""The base class of callbacks that write what steps return, sample by sample."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import IO, Any, Literal, TypeVar, get_args

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import CombinedLoader, rank_zero_warn
from torch.utils.data import DataLoader, IterableDataset

from lighter.callbacks.writers.row_table import RowTable, merge
from lighter.callbacks.writers.sample_order import SampleOrder, sample_order
from lighter.callbacks.writers.sample_values import Key, count_samples, length_of_batch, named_outputs, select, split
from lighter.callbacks.writers.staging import (
    check_writable,
    create_staging,
    discard,
    naming,
    publish,
    remove,
    remove_abandoned,
    staging_of,
)
from lighter.errors import LighterError, WriterError, nearest_names

logger = logging.getLogger(__name__)

WriterMode = Literal["val", "test", "predict"]
_MODES_OF_STAGE: Mapping[str, str] = {"fit": "val", "validate": "val", "test": "test", "predict": "predict"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of what a step returned.

    Attributes:
        index: The sample's index in the dataset; a running number on this rank if the loader does not show it.
        rank: ``None`` if ``index`` counts over all ranks, else the rank on which it counts.
        dataloader_idx: The number of the loader.
        mode: ``val``, ``test`` or ``predict``.
        values: The chosen values of this sample, tensors on the CPU as views of the batch.
    """

    index: int
    rank: int | None
    dataloader_idx: int
    mode: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class _Run:
    """One pass over the loaders of a mode."""

    mode: str
    target: Path
    staging: Path
    rank: int
    world_size: int
    orders: Sequence[SampleOrder]
    collates: Sequence[str]
    table: RowTable
    remove_staging: Callable[[], object]

    @property
    def content(self) -> Path:
        """The folder that becomes the output."""
        return self.staging / "content"


class PredictionWriter(Callback, ABC):
    """Write what steps return, one sample at a time; a subclass defines how, in `write`.

    `write` gets a sample and a folder. After the last batch the files that it wrote appear at ``path``, all or none,
    together with ``samples.csv``: one row for each sample, in dataset order across ranks, with the columns that `write`
    returned. No output is kept in memory. The output of an earlier run at ``path`` is kept beside it as
    ``<name>.previous``; in fit, each validation replaces the output of the one before. After an exception nothing of
    the run is left. A killed process leaves a hidden folder, which the next run with the same ``path`` removes.

    In predict, the index of a sample is the one that Lightning recorded. In val and test it is derived from the
    sampler: exactly without shuffling in one process, and under a `DistributedSampler`, whose padding is dropped. If a
    loader does not show the index (an iterable dataset, a shuffling or custom sampler), it is a running number, and
    with several ranks a column ``rank`` follows.

    With several modes, each writes to another path, see `target`. All ranks must see the same disk.
    Lightning itself keeps all predictions in memory unless ``trainer.predict`` gets ``return_predictions=False``.

    Args:
        path: The path of the output.
        keys: From names of values to their keys in a step's output, or to functions of the output that return a value
            for the batch. A tensor or list that a step returns has the key ``pred`` (in predict) or ``loss`` (in val
            and test).
        modes: When to write: ``val``, ``test``, ``predict``.

    Raises:
        WriterError: A mode is not valid. Later: the path cannot be written, the step did not return a key, or a value
            does not have one item for each sample.
    """

    def __init__(
        self, path: str | Path, keys: Mapping[str, Key], *, modes: Sequence[WriterMode] = ("predict",)
    ) -> None:
        self._path = Path(path)  # private: with --safe, an expression could write with a public one
        self.keys = dict(keys)
        self.modes = tuple(modes)
        self._run: _Run | None = None
        self._lock: IO[bytes] | None = None  # of rank zero, while it writes
        self._written: set[Path] = set()
        if isinstance(modes, str) or not modes or set(modes) - set(get_args(WriterMode)):
            wrong = repr(modes) if isinstance(modes, str) or not modes else ", ".join(map(repr, modes))
            raise WriterError(
                f"unknown mode {wrong} in `modes`"
                if modes and not isinstance(modes, str)
                else f"`modes` must be a list, got {wrong}",
                where=type(self).__name__,
                expected=f"a list of {', '.join(get_args(WriterMode))}",
                nearest=[name for mode in modes for name in nearest_names(str(mode), get_args(WriterMode))],
                fix='for example modes=["predict"]',
            )

    @abstractmethod
    def write(self, sample: Sample, folder: Path) -> Mapping[str, Any]:
        """Write one sample.

        Args:
            sample: The sample and its values, by the names of ``keys``.
            folder: The folder for files. All ranks share it, and it is hidden until all are done. Several loaders have
                one folder each, named ``dataloader_idx_{N}``.

        Returns:
            The cells of the sample's row by column; the same columns for every sample.
        """

    def output_path(self, mode: str) -> Path:
        """Return the path of a mode's output: ``path``, or with several modes a folder in it."""
        return self._path if len(self.modes) == 1 else self._path / mode

    def check_target(self, target: Path) -> None:
        """Raise if the path has a file, or a folder that no writer made."""
        if target.is_dir() and any(target.iterdir()) and not (target / "samples.csv").is_file():
            raise WriterError(
                f"`{target}` has files that no {type(self).__name__} wrote",
                where=type(self).__name__,
                expected="a new or empty directory, or the output of an earlier run",
                fix="give another directory, such as one inside it",
            )
        if target.exists() and not target.is_dir():
            raise WriterError(
                f"`{target}` is a file", where=type(self).__name__, expected="a directory", fix="give another path"
            )

    def output_of(self, content: Path) -> Path:
        """Return the part of the finished folder that appears at the target; by default the folder."""
        return content

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check before the first batch that the output can be written."""
        self._written.clear()
        mode = _MODES_OF_STAGE[stage]
        if mode not in self.modes:
            return
        target = self.output_path(mode)
        check_writable(target, where=type(self).__name__)
        self.check_target(target)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        others = [other for other in callbacks if isinstance(other, PredictionWriter) and other is not self]
        for other in others:
            if mode in other.modes and other.output_path(mode).resolve() == target.resolve():
                raise WriterError(
                    f"`{target}` is given twice: two writers write to it",
                    where=f"{type(self).__name__} and {type(other).__name__}",
                    expected="a different path for each writer",
                    fix="give one of the writers another path",
                )
        if trainer.is_global_zero:
            remove_abandoned(target)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass, except in Lightning's sanity check."""
        if not trainer.sanity_checking:
            self._start(trainer, "val", trainer.val_dataloaders)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass."""
        self._start(trainer, "test", trainer.test_dataloaders)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass."""
        self._start(trainer, "predict", trainer.predict_dataloaders)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the samples of a batch."""
        run = self._run
        if run is None or outputs is None:
            return
        where = f"{type(self).__name__}, {run.mode} batch {batch_idx}"
        try:
            with naming(run.target, where=where):
                self._write_batch(run, outputs, batch, batch_idx, dataloader_idx, where=where)
        except FileNotFoundError:
            # A rank that fails removes the folder. Its error is the one to report, so the other ranks write no more
            # and raise no other error; if no rank has failed, `_finish` raises.
            if run.world_size == 1 or run.content.is_dir():
                raise

    on_test_batch_end = on_validation_batch_end
    on_predict_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Move the output to its path."""
        self._finish(trainer)

    on_test_end = on_validation_end
    on_predict_end = on_validation_end

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove what was written so far."""
        if self._run is not None:
            with suppress(OSError):  # on a full disk the last rows cannot be written now either
                self._run.table.close()
            self._end(self._run)

    def _end(self, run: _Run) -> None:
        run.remove_staging()
        self._run = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start(self, trainer: Trainer, mode: str, loaders: Any) -> None:
        if mode not in self.modes:
            return
        flattened = CombinedLoader(loaders, "sequential").flattened
        orders = [sample_order(loader, world_size=trainer.world_size) for loader in flattened]
        for loader, order in zip(flattened, orders, strict=True):
            has_indices = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
            if has_indices and not order.is_known:
                rank_zero_warn(
                    f"{type(self).__name__} does not know the index of samples: the {mode} loader draws them with "
                    f"{type(loader.sampler).__name__} and {type(loader.batch_sampler).__name__}. Rows are in the order "
                    "of loading, with a running number as their index; use a loader that does not shuffle."
                )
        target = self.output_path(mode)
        staging = _on_rank_zero(trainer, lambda: staging_of(target))
        # Called at the end of the run, or else of the process: no hook is called after an exception in a process that
        # Lightning spawned, nor after Ctrl-C before `_run` is set. So it must be known before the folder exists.
        remove_staging = Finalize(None, discard, args=(staging,), exitpriority=1)
        _on_rank_zero(trainer, lambda: self._create(staging, target))
        if not trainer.strategy.reduce_boolean_decision((staging / "content").is_dir(), all=True):
            remove_staging()
            raise WriterError(
                f"`{staging}` does not exist on a rank, but rank 0 has made it",
                where=type(self).__name__,
                expected="one disk for all ranks",
                fix=f"put `{self._path}` on a disk that all nodes share",
            )
        collates = [_name_of(getattr(loader, "collate_fn", None)) for loader in flattened]
        table = RowTable(staging / f"rank{trainer.global_rank}.part")
        rank, world_size = trainer.global_rank, trainer.world_size
        self._run = _Run(mode, target, staging, rank, world_size, orders, collates, table, remove_staging)

    def _create(self, staging: Path, target: Path) -> None:
        self.check_target(target)
        self._lock = create_staging(staging, target)
        try:
            (staging / "content").mkdir()
            (staging / "content" / "samples.csv").touch()  # so that no sample's file gets this name
        except BaseException:
            remove(staging)
            raise

    def _write_batch(
        self, run: _Run, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int, *, where: str
    ) -> None:
        named = named_outputs(outputs, run.mode)
        values = {name: select(named, key, where=where) for name, key in self.keys.items()}
        order = run.orders[dataloader_idx]
        num_samples = order.num_samples(batch_idx)
        num_drawn = num_samples
        if num_samples is None:
            num_samples = count_samples(named, values.values(), where=where)
        try:
            columns = [split(value, num_samples, name=name, where=where) for name, value in values.items()]
        except WriterError as error:
            made = length_of_batch(batch)
            if num_drawn is None or made is None or made == num_drawn:
                raise
            raise WriterError(
                f"the collate {run.collates[dataloader_idx]} made {made} samples of {num_drawn}",
                where=where,
                expected="as many samples as the loader draws: their indices name the rows and files",
                fix="leave samples out of the dataset, or replace them: `lighter.collate.collate_replacing_corrupt`",
            ) from error
        indices = order.indices(batch_idx, num_samples)
        rank = None if order.is_known or run.world_size == 1 else run.rank
        folder = run.content
        if len(run.orders) > 1:
            folder = folder / f"dataloader_idx_{dataloader_idx}"
            folder.mkdir(exist_ok=True)
        for index, *row in zip(indices, *columns, strict=True):
            if index is not None:
                sample = Sample(index, rank, dataloader_idx, run.mode, dict(zip(values, row, strict=True)))
                cells = self.write(sample, folder)
                run.table.append(cells, index=index, rank=rank, dataloader_idx=dataloader_idx)

    def _finish(self, trainer: Trainer) -> None:
        run = self._run
        if run is None:
            return
        is_removed = not run.content.is_dir()
        if not is_removed:
            with naming(run.target, where=type(self).__name__):
                run.table.finish()
        if trainer.strategy.reduce_boolean_decision(is_removed, all=False):
            raise WriterError(
                f"`{run.target}` cannot be written: `{run.staging.name}` was removed during the run",
                where=type(self).__name__,
                expected=f"`{run.staging}`, where rows and files are kept until the last batch is done",
                fix="run again, and leave hidden folders that end in `.partial` alone",
            )
        # all ranks are done when this returns
        has_ranks = trainer.strategy.reduce_boolean_decision(run.table.has_ranks, all=False)
        is_rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        _on_rank_zero(trainer, lambda: self._publish(run, has_ranks=has_ranks, is_rehearsal=is_rehearsal))
        self._end(run)

    def _publish(self, run: _Run, *, has_ranks: bool, is_rehearsal: bool) -> None:
        with naming(run.target, where=type(self).__name__):
            merge(
                sorted(run.staging.glob("rank*.part"), key=lambda part: int(part.stem.removeprefix("rank"))),
                run.content / "samples.csv",
                default_columns=list(self.keys),
                has_ranks=has_ranks,
                has_dataloaders=len(run.orders) > 1,
            )
        if is_rehearsal and run.target.exists():
            logger.info("did not write `%s`: a fast_dev_run does not replace the output of an earlier run", run.target)
            return
        publish(self.output_of(run.content), run.target, keep_previous=run.target not in self._written)
        self._written.add(run.target)
        logger.info("Wrote `%s`", run.target)


def _name_of(collate: Any) -> str:
    """Return the name of a collate function, which may be an object or have some of its arguments already."""
    collate = collate.func if isinstance(collate, partial) else collate
    return getattr(collate, "__name__", type(collate).__name__)


def _on_rank_zero(trainer: Trainer, action: Callable[[], _T]) -> _T:
    """Run an action on rank zero; return or raise on all ranks what it returns or raises."""
    result: _T | None = None
    error: LighterError | OSError | None = None
    if trainer.is_global_zero:
        try:
            result = action()
        except (LighterError, OSError) as raised:
            error = raised
    result, error = trainer.strategy.broadcast((result, error))
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
