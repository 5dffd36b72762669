"""A DataLoader that resumes in the middle of an epoch."""

from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, IterableDataset

from lighter.errors import DataError

T = TypeVar("T")


class ResumableDataLoader(DataLoader[T]):
    """A DataLoader whose position is saved in Lightning's checkpoints; its arguments are those of a torch DataLoader.

    A resumed epoch continues with its remaining batches, in its original order. It skips batches that were already
    trained on without loading them. With ``num_workers=0`` random augmentation continues exactly; workers start theirs
    again.

    Raises:
        DataError: The dataset is iterable, so it cannot skip samples without loading them.

    >>> loader = ResumableDataLoader(range(6), batch_size=2)
    >>> batches = iter(loader)
    >>> _ = next(batches)
    >>> resumed = ResumableDataLoader(range(6), batch_size=2)
    >>> resumed.load_state_dict(loader.state_dict())
    >>> list(resumed)
    [tensor([2, 3]), tensor([4, 5])]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.dataset, IterableDataset):
            raise DataError(
                f"{type(self).__name__} cannot resume a {type(self.dataset).__name__}, an iterable dataset",
                expected="a dataset with `__getitem__` and `__len__`",
                fix="give the dataset `state_dict` and `load_state_dict` and use a loader that calls them",
            )
        self._num_yielded = 0
        self._random_state: dict[str, Any] = {}  # of the generators when this epoch began
        self._seeds_workers = (
            True  # before the order of this epoch is drawn; False if workers persist from the last epoch
        )
        self._loaded: dict[str, Any] | None = None
        self._rest: _Rest | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the number of batches given in this epoch, and the generators' states for this order and the next."""
        if self._loaded is not None:
            return self._loaded
        return {
            "num_yielded": self._num_yielded,
            "random_state": dict(self._random_state),
            "seeds_workers": self._seeds_workers,
            "next_epoch": self._states_of_own_generators(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from this state in the next iteration.

        Raises:
            DataError: The state is that of a loader with another number of generators.
        """
        # a checkpoint of an earlier version has no states for the next epoch
        states = state["random_state"]["own"] if state["num_yielded"] else state.get("next_epoch")
        if states is not None and len(states) != len(self._own_generators()):
            raise DataError(
                f"the checkpoint has the states of {len(states)} generators of the {type(self).__name__}, which has"
                f" {len(self._own_generators())}",
                expected="the `generator` and the sampler with which the checkpoint was saved",
                fix="give the loader the same `generator`, or start from the weights alone",
            )
        self._loaded = state

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]  # torch annotates the iterator's private class
        if self._loaded is None:
            self._num_yielded = 0
        return self._batches()

    def _batches(self) -> Iterator[T]:
        # The order is drawn with the first batch, not before: Lightning makes the iterator of a resumed epoch before it
        # tells the sampler the epoch (`set_epoch`), and `estimated_stepping_batches` before a checkpoint is loaded.
        loaded, self._loaded = self._loaded, None
        if loaded is not None and loaded["num_yielded"]:
            batches = self._remaining(loaded)
        else:
            for generator, state in zip(self._own_generators(), (loaded or {}).get("next_epoch", ()), strict=False):
                generator.set_state(state)
            self._num_yielded = 0
            self._random_state = {"default": torch.get_rng_state(), "own": self._states_of_own_generators()}
            self._seeds_workers = self._iterator is None
            batches = super().__iter__()
        for batch in batches:
            self._num_yielded += 1
            if self._num_yielded == len(self):
                self._num_yielded = 0  # nothing is left to resume
            yield batch
        self._num_yielded = 0

    def _remaining(self, loaded: dict[str, Any]) -> Iterator[T]:
        self._num_yielded = loaded["num_yielded"]
        self._random_state = loaded["random_state"]
        self._seeds_workers = loaded.get("seeds_workers", True)
        now, own = torch.get_rng_state(), self.generator
        torch.set_rng_state(self._random_state["default"])
        for generator, state in zip(self._own_generators(), self._random_state["own"], strict=True):
            generator.set_state(state)  # it continues from here; the default generator belongs to the process
        try:
            self._rest = _Rest(super()._index_sampler, self._num_yielded)
            self._iterator = None  # workers of an earlier fit would not get a seed
            if self._seeds_workers:
                batches = super().__iter__()  # draws the workers' seed, and with workers the order
                self._rest.draw()
            else:
                self._rest.draw()
                self.generator = None  # the seed of the new workers must not be drawn from it
                batches = super().__iter__()
            return batches
        finally:
            self.generator = own
            self._rest = None
            torch.set_rng_state(now)

    @property
    def _index_sampler(self) -> Any:
        # torch's iterators draw the indices of batches from this
        return super()._index_sampler if self._rest is None else self._rest

    def _states_of_own_generators(self) -> list[torch.Tensor]:
        return [generator.get_state() for generator in self._own_generators()]

    def _own_generators(self) -> list[torch.Generator]:
        candidates = [self.generator, getattr(self.sampler, "generator", None)]
        unique = {id(generator): generator for generator in candidates if isinstance(generator, torch.Generator)}
        return list(unique.values())


class _Rest:
    """The indices of an epoch's remaining batches; from the next epoch on, those of all batches."""

    def __init__(self, sampler: Any, num_skipped: int) -> None:
        self._sampler = sampler
        self._num_skipped = num_skipped
        self._indices: Iterator[Any] | None = None
        self._has_begun = False

    def draw(self) -> None:
        """Draw the order and skip the first batches, once; samplers draw with their first batch."""
        if self._indices is None:
            self._indices = iter(self._sampler)
            for _ in range(self._num_skipped):
                next(self._indices)

    def __iter__(self) -> Iterator[Any]:
        # torch makes an iterator twice before the first batch; persistent workers make one again for the next epoch
        return iter(self._sampler) if self._has_begun else self

    def __next__(self) -> Any:
        self._has_begun = True
        self.draw()
        assert self._indices is not None
        return next(self._indices)

    def __len__(self) -> int:
        return len(self._sampler)
