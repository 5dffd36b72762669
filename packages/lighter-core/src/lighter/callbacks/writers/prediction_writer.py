"""The base of callbacks that store what steps return, sample by sample."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import CombinedLoader, rank_zero_warn
from torch.utils.data import DataLoader, IterableDataset

from lighter.callbacks.writers.row_table import RowTable, merge
from lighter.callbacks.writers.sample_order import SampleOrder, sample_order
from lighter.callbacks.writers.sample_values import Key, count_samples, named_outputs, select, split
from lighter.callbacks.writers.staging import check_writable, create_staging, discard, naming, publish, remove
from lighter.errors import LighterError, WriterError, nearest_names

logger = logging.getLogger(__name__)

WriterMode = Literal["val", "test", "predict"]
_MODES_OF_STAGE: Mapping[str, str] = {"fit": "val", "validate": "val", "test": "test", "predict": "predict"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of what a step returned.

    Attributes:
        index: The sample's index in the dataset; a running number on this rank where the loader does not tell.
        rank: ``None`` if ``index`` counts over all ranks; else the rank that it counts on.
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
    table: RowTable
    remove_staging: Callable[[], object]

    @property
    def content(self) -> Path:
        """The folder that becomes the output."""
        return self.staging / "content"


class PredictionWriter(Callback, ABC):
    """Store what steps return, one sample at a time; a subclass says how, in `write`.

    `write` gets a sample and a folder. The files that it writes there appear at ``path`` when the last batch is done,
    all of them or none, together with ``samples.csv``: one row a sample, in dataset order across ranks, with what
    `write` returned. Nothing is held back in memory. What an earlier run wrote to ``path`` is replaced as a whole
    and kept beside it as ``<name>.previous``; a validation in fit replaces the one before it. After an exception
    nothing of the run is left.

    In predict the index of a sample is the one that Lightning recorded. In val and test it follows from the sampler:
    exact without shuffling in one process, and under a `DistributedSampler`, whose padding is dropped. Where a
    loader does not tell (an iterable dataset, a shuffling or custom sampler), the index is a running number, and
    with several ranks a column ``rank`` says of which.

    With several modes each writes to a place of its own, see `target`. All ranks have to see the same disk.
    Lightning itself keeps all predictions in memory unless ``trainer.predict`` gets ``return_predictions=False``.

    Args:
        path: Where the output appears.
        keys: Names for values, and where each is in the output of a step: its key, or a function that is given the
            whole output and returns a value for the batch. A step that returns a bare tensor or list has it under
            ``pred`` (in predict) or ``loss`` (in val and test).
        modes: When to write: ``val``, ``test``, ``predict``.

    Raises:
        WriterError: A mode is not valid; later: the path cannot be written, the step returned no such key, or a
            value without one item a sample.
    """

    def __init__(
        self, path: str | Path, keys: Mapping[str, Key], *, modes: Sequence[WriterMode] = ("predict",)
    ) -> None:
        self.path = Path(path)
        self.keys = dict(keys)
        self.modes = tuple(modes)
        self._run: _Run | None = None
        self._written: set[Path] = set()
        if isinstance(modes, str) or not modes or set(modes) - set(get_args(WriterMode)):
            wrong = repr(modes) if isinstance(modes, str) or not modes else ", ".join(map(repr, modes))
            raise WriterError(
                f"{wrong} are not the modes of a {type(self).__name__}",
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
            folder: Where files go. It is shared by all ranks, and hidden until all are done. Several loaders have
                one each, named ``dataloader_idx_{N}``.

        Returns:
            What stands in the sample's row, by column; the same columns for every sample.
        """

    def target(self, mode: str) -> Path:
        """Tell where the output of a mode appears: ``path``, or a folder in it if there are several modes."""
        return self.path if len(self.modes) == 1 else self.path / mode

    def check_target(self, target: Path) -> None:
        """Refuse to replace a folder that no writer made."""
        if target.is_dir() and any(target.iterdir()) and not (target / "samples.csv").is_file():
            raise WriterError(
                f"`{target}` holds files that no {type(self).__name__} wrote",
                where=type(self).__name__,
                expected="a new or empty directory, or what an earlier run wrote",
                fix="give another directory, such as one inside it",
            )
        if target.exists() and not target.is_dir():
            raise WriterError(
                f"`{target}` is a file", where=type(self).__name__, expected="a directory", fix="give another path"
            )

    def output_of(self, content: Path) -> Path:
        """Tell which part of the finished folder appears at the target: all of it, unless a subclass says otherwise."""
        return content

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find out before the first batch whether the output can be written."""
        self._written.clear()
        mode = _MODES_OF_STAGE[stage]
        if mode not in self.modes:
            return
        target = self.target(mode)
        check_writable(target, where=type(self).__name__)
        self.check_target(target)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        others = [other for other in callbacks if isinstance(other, PredictionWriter) and other is not self]
        for other in others:
            if mode in other.modes and other.target(mode).resolve() == target.resolve():
                raise WriterError(
                    f"two writers write to `{target}`",
                    where=f"{type(self).__name__} and {type(other).__name__}",
                    expected="a path of its own for each writer",
                    fix="give one of them another path",
                )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass; Lightning's sanity check is none."""
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
                self._write_batch(run, outputs, batch_idx, dataloader_idx, where=where)
        except FileNotFoundError:
            # A rank that fails removes the folder. Its error is the one to report, so the other ranks write no more
            # and raise nothing of their own; if no rank has failed, `_finish` raises.
            if run.world_size == 1 or run.content.is_dir():
                raise

    on_test_batch_end = on_validation_batch_end
    on_predict_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the output appear."""
        self._finish(trainer)

    on_test_end = on_validation_end
    on_predict_end = on_validation_end

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave nothing behind."""
        if self._run is not None:
            with suppress(OSError):  # on a full disk the last rows cannot be written now either
                self._run.table.close()
            self._run.remove_staging()
            self._run = None

    def _start(self, trainer: Trainer, mode: str, loaders: Any) -> None:
        if mode not in self.modes:
            return
        flattened = CombinedLoader(loaders, "sequential").flattened
        orders = [sample_order(loader, world_size=trainer.world_size) for loader in flattened]
        for loader, order in zip(flattened, orders, strict=True):
            has_indices = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
            if has_indices and not order.is_known:
                rank_zero_warn(
                    f"{type(self).__name__} cannot know which sample is which: the {mode} loader draws them with "
                    f"{type(loader.sampler).__name__} and {type(loader.batch_sampler).__name__}. Rows are in the order "
                    "in which samples come, with a running number as their index; use a loader that does not shuffle."
                )
        target = self.target(mode)
        staging = _on_rank_zero(trainer, lambda: self._create(target))
        # Called when the run is over, and else when the process ends: no hook is told of an exception in a process that
        # Lightning spawned, nor of Ctrl-C before the run is known here.
        remove_staging = Finalize(None, discard, args=(staging,), exitpriority=1)
        if not trainer.strategy.reduce_boolean_decision((staging / "content").is_dir(), all=True):
            remove_staging()
            raise WriterError(
                f"a rank cannot see `{staging}`, which rank 0 has made",
                where=type(self).__name__,
                expected="one disk for all ranks",
                fix=f"put `{self.path}` on a disk that all nodes share",
            )
        table = RowTable(staging / f"rank{trainer.global_rank}.part")
        self._run = _Run(mode, target, staging, trainer.global_rank, trainer.world_size, orders, table, remove_staging)

    def _create(self, target: Path) -> Path:
        self.check_target(target)
        staging = create_staging(target)
        try:
            (staging / "content").mkdir()
            (staging / "content" / "samples.csv").touch()  # no sample's file may have the name
        except BaseException:
            remove(staging)
            raise
        return staging

    def _write_batch(self, run: _Run, outputs: Any, batch_idx: int, dataloader_idx: int, *, where: str) -> None:
        named = named_outputs(outputs, run.mode)
        values = {name: select(named, key, where=where) for name, key in self.keys.items()}
        order = run.orders[dataloader_idx]
        num_samples = order.num_samples(batch_idx)
        if num_samples is None:
            num_samples = count_samples(named, values.values(), where=where)
        columns = [split(value, num_samples, name=name, where=where) for name, value in values.items()]
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
        _on_rank_zero(trainer, lambda: self._publish(run, has_ranks=has_ranks))
        run.remove_staging()
        self._run = None

    def _publish(self, run: _Run, *, has_ranks: bool) -> None:
        with naming(run.target, where=type(self).__name__):
            merge(
                sorted(run.staging.glob("rank*.part"), key=lambda part: int(part.stem.removeprefix("rank"))),
                run.content / "samples.csv",
                default_columns=list(self.keys),
                has_ranks=has_ranks,
                has_dataloaders=len(run.orders) > 1,
            )
        publish(self.output_of(run.content), run.target, keep_previous=run.target not in self._written)
        self._written.add(run.target)
        logger.info("Wrote `%s`", run.target)


def _on_rank_zero(trainer: Trainer, action: Callable[[], _T]) -> _T:
    """Do something on rank zero; what it returns or raises is returned or raised on all ranks."""
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
