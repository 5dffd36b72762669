"""Find the dataset indices of a batch's samples, in one process and across ranks."""

from collections.abc import Sequence
from typing import Any

from pytorch_lightning.overrides.distributed import _IndexBatchSamplerWrapper
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, SequentialSampler


class SampleOrder:
    """Numbers the samples of one loader on one rank in the order of loading.

    This works for any loader, also for one of an iterable dataset: it counts the samples before on this rank.

    Attributes:
        is_known: Whether the indices are those of the dataset, the same for any number of ranks.
    """

    is_known = False

    def __init__(self) -> None:
        self._num_seen = 0

    def num_samples(self, batch_idx: int) -> int | None:
        """Return the number of samples of a batch; None if the loader does not show it."""
        return None

    def indices(self, batch_idx: int, num_samples: int) -> Sequence[int | None]:
        """Return the index of each sample of a batch; ``None`` marks a sample to drop."""
        first = self._num_seen
        self._num_seen += num_samples
        return range(first, self._num_seen)


class SequentialOrder(SampleOrder):
    """Numbers the samples of a loader that reads its dataset in order, in one process."""

    is_known = True

    def __init__(self, batch_size: int, sampler: SequentialSampler) -> None:
        super().__init__()
        self._batch_size = batch_size
        self._num_in_all = len(sampler)

    def num_samples(self, batch_idx: int) -> int | None:
        """Return the number of samples that the sampler draws for a batch; the last batch may be smaller."""
        return min(self._batch_size, self._num_in_all - batch_idx * self._batch_size)

    def indices(self, batch_idx: int, num_samples: int) -> Sequence[int | None]:
        """Derive the indices from the batch's number, so that a step that returned nothing shifts no index."""
        first = batch_idx * self._batch_size
        return range(first, first + num_samples)


class DistributedOrder(SampleOrder):
    """Numbers the samples of a `DistributedSampler`: number ``i`` on a rank is number ``rank + i * world`` of all.

    The padding, samples that the sampler repeats to give all ranks the same number, is dropped.
    """

    is_known = True

    def __init__(self, batch_size: int, sampler: DistributedSampler[Any]) -> None:
        super().__init__()
        self._batch_size = batch_size
        self._rank, self._world_size = sampler.rank, sampler.num_replicas
        self._dataset_size = len(sampler.dataset)  # type: ignore[arg-type]
        self._num_on_rank = len(sampler)
        # the same seed and epoch give the same permutation again
        self._permuted = list(sampler) if sampler.shuffle else None

    def num_samples(self, batch_idx: int) -> int | None:
        """Return the number of samples that the sampler draws for a batch on this rank."""
        return min(self._batch_size, self._num_on_rank - batch_idx * self._batch_size)

    def indices(self, batch_idx: int, num_samples: int) -> Sequence[int | None]:
        """Compute the sampler's indices, and drop its padding."""
        first = batch_idx * self._batch_size
        return [self._index(position) for position in range(first, first + num_samples)]

    def _index(self, position: int) -> int | None:
        number = self._rank + position * self._world_size
        if number >= self._dataset_size:
            return None
        return number if self._permuted is None else self._permuted[position]


class RecordedOrder(SampleOrder):
    """Reads the indices that Lightning records in predict, in its wrapper of every batch sampler.

    If a sampler draws keys instead of integers, the indices are running numbers.
    """

    is_known = True

    def __init__(self, batch_sampler: Any) -> None:
        super().__init__()
        self._batch_sampler = batch_sampler

    def num_samples(self, batch_idx: int) -> int | None:
        """Return the number of recorded indices."""
        return len(self._batch_sampler.seen_batch_indices[batch_idx])

    def indices(self, batch_idx: int, num_samples: int) -> Sequence[int | None]:
        """Return the recorded indices, and drop the padding of a user's `DistributedSampler`."""
        seen = self._batch_sampler.seen_batch_indices
        indices: Sequence[int] = seen[batch_idx]
        if batch_idx > 0:
            seen[batch_idx - 1] = ()  # it is not read again, and the list would grow with the dataset
        self.is_known = all(isinstance(index, int) for index in indices)
        if not self.is_known:
            return super().indices(batch_idx, num_samples)
        sampler = getattr(self._batch_sampler, "sampler", None)
        if type(sampler) is not DistributedSampler:
            return indices
        numbers = DistributedOrder(self._batch_sampler.batch_size, sampler).indices(batch_idx, num_samples)
        return [None if number is None else index for index, number in zip(indices, numbers, strict=True)]


def sample_order(loader: object, *, world_size: int) -> SampleOrder:
    """Return how to number the samples of a loader, as Lightning iterates over it on this rank.

    Indices are known only if they are certain: a subclass of a sampler may use any order.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return SampleOrder()
    batch_sampler = loader.batch_sampler
    if isinstance(batch_sampler, _IndexBatchSamplerWrapper):
        return RecordedOrder(batch_sampler)
    if type(batch_sampler) is BatchSampler:
        sampler: Any = batch_sampler.sampler
        if type(sampler) is DistributedSampler:
            return DistributedOrder(batch_sampler.batch_size, sampler)
        if type(sampler) is SequentialSampler and world_size == 1:
            return SequentialOrder(batch_sampler.batch_size, sampler)
    return SampleOrder()
