"""Random transforms of MONAI in the workers of a loader that does not seed them."""

from collections.abc import Iterator
from typing import Any

from lighter_config.checks.components import components_in
from lighter_config.checks.context import CheckContext
from lighter_config.checks.stage_needs import is_exactly
from lighter_config.findings import Finding, Severity
from lighter_config.tree.paths import format_path

_LOADERS = ("torch.utils.data.DataLoader", "lighter.resumable.ResumableDataLoader")
_TRANSFORMS = "monai.transforms."
_RANDOM = "Rand"
_SEEDING = "{_target_: monai.data.utils.worker_init_fn, _mode_: callable}"


def check_loader_workers(context: CheckContext) -> Iterator[Finding]:
    """Warn of random transforms of MONAI that repeat their numbers.

    A transform of MONAI has a random state of its own. Each worker of torch's loader gets the same copy of it, anew in
    each epoch unless workers persist. Neither torch nor ``seed_everything(workers=True)`` of Lightning seeds it;
    ``worker_init_fn`` of monai/data/utils.py does, which MONAI's own loader uses.
    """
    for loader in context.components:
        workers = loader.keywords.get("num_workers")
        if type(workers) is not int or workers < 1 or "worker_init_fn" in loader.keywords:
            continue
        if not any(is_exactly(context, loader.target, name) for name in _LOADERS):
            continue
        if (name := _random_transform(loader.keywords.get("dataset"))) is not None:
            persists = loader.keywords.get("persistent_workers") is True
            yield context.finding(
                (*loader.path, "num_workers"),
                f"{name} repeats its random numbers in each worker{'' if persists else ', and in each epoch'}",
                severity=Severity.WARNING,
                fix=f"write {format_path((*loader.path, 'worker_init_fn'))}: {_SEEDING}",
            )


def _random_transform(dataset: Any) -> str | None:
    """Return the name of the first random transform of MONAI inside a dataset; ``None`` if there is none."""
    for component in components_in(dataset, lambda _: True):
        if (component.target or "").startswith(_TRANSFORMS) and component.short_name.startswith(_RANDOM):
            return component.short_name
    return None
