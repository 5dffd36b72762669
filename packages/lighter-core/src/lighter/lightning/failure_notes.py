"""Add notes to an exception: in which batch of which loop it was raised, and for which sample of which dataset."""

# ruff: noqa: SLF001  # torch has no public way to tell which sample a worker loads

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from traceback import format_exception_only
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loops import fetchers
from torch.utils.data import get_worker_info
from torch.utils.data._utils import fetch

from lighter.lightning.given_values import failed_call, failed_inference, odd_samples
from lighter.lightning.state import batch_being_loaded, batch_in_step

_SHOWN_SAMPLES = 8
_LATE = (
    "a GPU reports an error late, and without its values: run the same batch with the Trainer's accelerator=cpu, "
    "or with CUDA_LAUNCH_BLOCKING=1; a device-side assert is mostly a label or an index out of range"
)


class FailureNotes(Callback):
    """Adds to an exception the batch and the sample that were being processed."""

    # Lightning 2.6 calls and profiles every hook of a callback, even an empty one: a hundred Python calls in each
    # training step. It skips hooks that are not callable.
    on_train_batch_start = on_train_batch_end = on_before_zero_grad = None  # type: ignore[assignment]
    on_before_backward = on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]
    on_test_batch_start = on_test_batch_end = None  # type: ignore[assignment]
    on_predict_batch_start = on_predict_batch_end = None  # type: ignore[assignment]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Add the notes."""
        if isinstance(exception, Exception):
            note_failure(trainer, exception)


def attach(trainer: Trainer) -> None:
    """Make a trainer add notes to exceptions."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, FailureNotes) for callback in callbacks):
        callbacks.append(FailureNotes())


def note_failure(trainer: Trainer, error: Exception) -> None:
    """Add to an exception which sample and which batch was being loaded or processed."""
    frames = list(_frames(error))
    _note(error, _sample(frames))
    _note(error, failed_call(frames, trainer.lightning_module))
    _note(error, failed_inference(frames, trainer.lightning_module))
    if any("CUDA error" in line for line in format_exception_only(error)):  # `str` of an exception may fail
        _note(error, _LATE)
    if any(frame.f_code.co_filename == fetchers.__file__ for frame in frames):
        if (batch := batch_being_loaded(trainer)) is not None:
            _note(error, f"while the {batch.mode} loader gave {batch}")
    elif (batch := batch_in_step(trainer)) is not None:
        _note(error, f"in {batch.mode}, {batch}")


@dataclass(frozen=True, slots=True)
class WorkerInit:
    """A ``worker_init_fn`` that makes exceptions name their sample.

    Attributes:
        own: The loader's own ``worker_init_fn``, which runs first.
    """

    own: Callable[[int], object] | None

    def __call__(self, worker_id: int) -> None:
        """Prepare the worker's process; torch is changed in this process only."""
        if self.own is not None:
            self.own(worker_id)
        if get_worker_info() is not None:
            fetcher = fetch._MapDatasetFetcher
            fetcher.fetch = _noting(fetcher.fetch)  # type: ignore[method-assign]


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def noting_fetch(*args: Any) -> Any:
        try:
            return original(*args)
        except Exception as error:
            _note(error, _sample(list(_frames(error))))
            raise

    return noting_fetch


def _sample(frames: list[FrameType]) -> str:
    """Name the sample that torch's fetcher asked the dataset for; empty outside a fetch."""
    fetching = next((place for place, frame in enumerate(frames) if _is_fetching(frame)), None)
    if fetching is None:
        return ""
    dataset = frames[fetching].f_locals["self"].dataset
    indices = frames[fetching].f_locals["possibly_batched_index"]
    name = type(dataset).__name__
    for frame in frames[fetching + 1 :]:
        if frame.f_code.co_name == "__getitem__" and frame.f_locals.get("self") is dataset:
            return f"sample {frame.f_locals.get(frame.f_code.co_varnames[1])} of {name}"
        if (
            frame.f_code.co_filename == fetch.__file__ and "idx" in frame.f_locals
        ):  # until Python 3.12 the comprehension
            return f"sample {frame.f_locals['idx']} of {name}"
    if not isinstance(indices, list | tuple):
        return f"sample {indices} of {name}"
    if odd := odd_samples(frames[fetching].f_locals.get("data"), indices):
        return f"{odd}; of {name}"
    more = ", …" if len(indices) > _SHOWN_SAMPLES else ""
    return f"samples {', '.join(map(str, indices[:_SHOWN_SAMPLES]))}{more} of {name}"


def _is_fetching(frame: FrameType) -> bool:
    return frame.f_code.co_name == "fetch" and isinstance(frame.f_locals.get("self"), fetch._MapDatasetFetcher)


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _note(error: Exception, text: str) -> None:
    if text and text not in getattr(error, "__notes__", ()):
        error.add_note(text)
