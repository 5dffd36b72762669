"""Collate batches in which samples or values are missing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset, default_collate

from lighter.errors import CorruptBatchError


def collate_replacing_corrupt(
    samples: Sequence[Any],
    dataset: Dataset[Any],
    *,
    collate_fn: Callable[[list[Any]], Any] = default_collate,
    max_draws: int = 100,
) -> Any:
    """Collate a batch, replacing samples that failed to load with random others.

    The batch keeps its size. Replacements are drawn with torch's generator of the process, which a DataLoader seeds in
    each worker: the same seed draws the same replacements. Pass this function to a loader as
    ``collate_fn=partial(collate_replacing_corrupt, dataset=dataset)``.

    Args:
        samples: ``B`` samples; ``None`` marks a failure.
        dataset: The source of replacements, by index; it may return ``None`` too.
        collate_fn: Collates the ``B`` samples.
        max_draws: The largest number of draws for one batch.

    Raises:
        CorruptBatchError: ``max_draws`` draws did not replace all failed samples, or the dataset has no length.

    >>> torch.manual_seed(0) and collate_replacing_corrupt([7, None, None], [None, 1])
    tensor([7, 1, 1])
    """
    complete = list(samples)
    missing = [i for i, sample in enumerate(complete) if sample is None]
    draws_left = max_draws
    while missing:
        if draws_left == 0:
            raise CorruptBatchError(
                f"{len(missing)} of {len(complete)} samples are corrupt after {max_draws} draws of replacements",
                where="collate_replacing_corrupt",
                expected="a dataset that returns None for few samples",
                fix="find out why the dataset fails, or raise max_draws",
            )
        draws_left -= 1
        sample = _draw(dataset)
        if sample is not None:
            complete[missing.pop(0)] = sample
    return collate_fn(complete)


def collate_keeping_none(samples: Sequence[Any]) -> Any:
    """Collate a batch in which values may be ``None``, such as the targets of unlabelled samples.

    A value that is ``None`` in all samples is ``None`` in the batch. A value that is ``None`` in some samples becomes a
    list with one item for each sample. All other values are collated as by `default_collate`, mappings and sequences
    value by value.

    Args:
        samples: ``B`` samples.

    Raises:
        CorruptBatchError: Samples have different keys or lengths.

    >>> collate_keeping_none([{"x": 1, "y": None, "z": None}, {"x": 2, "y": "a", "z": None}])
    {'x': tensor([1, 2]), 'y': [None, 'a'], 'z': None}
    """
    if all(sample is None for sample in samples):
        return None
    if any(sample is None for sample in samples):
        return list(samples)
    first = samples[0]
    if isinstance(first, Mapping):
        _check_alike(samples, set)
        return {key: collate_keeping_none([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple | list):
        _check_alike(samples, len)
        columns = [collate_keeping_none(column) for column in zip(*samples, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    return default_collate(list(samples))


def _draw(dataset: Any) -> Any:
    try:
        size = len(dataset)
    except TypeError:
        size = 0
    if size == 0:
        raise CorruptBatchError(
            f"a {type(dataset).__name__} has no replacement for a corrupt sample",
            where="collate_replacing_corrupt",
            expected="a dataset with a length of at least 1, and samples by index",
            fix="skip corrupt samples in the dataset itself",
        )
    return dataset[int(torch.randint(size, ()))]


def _check_alike(samples: Sequence[Any], describe: Callable[[Any], Any]) -> None:
    expected = describe(samples[0])
    for i, sample in enumerate(samples):
        if describe(sample) != expected:
            raise CorruptBatchError(
                f"sample {i} of the batch has {describe(sample)}, sample 0 has {expected}",
                where="collate_keeping_none",
                expected="the same keys or the same length in every sample",
                fix="return None for a value that a sample does not have",
            )
