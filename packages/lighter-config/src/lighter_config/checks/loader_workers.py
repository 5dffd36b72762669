"""What goes wrong in the workers of a loader: random transforms that nobody seeds, and lambdas."""

import ast
import sys
from collections.abc import Iterator
from typing import Any

from lighter_config.checks.components import Component, components_in
from lighter_config.checks.context import CheckContext, leaves_in
from lighter_config.checks.stage_needs import is_exactly
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_expression

_LOADERS = ("torch.utils.data.DataLoader", "lighter.resumable.ResumableDataLoader")
_TRANSFORMS = "monai.transforms."
_RANDOM = "Rand"
_SEEDING = "{_target_: monai.data.utils.worker_init_fn, _mode_: callable}"


_PICKLED = ("dataset", "collate_fn", "worker_init_fn")
"""Arguments of a loader that a worker gets; it gets them as they are if it is forked, else pickled."""


def check_loader_workers(context: CheckContext) -> Iterator[Finding]:
    """Warn of random transforms of MONAI that repeat their numbers, and of lambdas that cannot be pickled.

    A transform of MONAI has a random state of its own. Each worker of torch's loader gets the same copy of it, anew in
    each epoch unless workers persist. Neither torch nor ``seed_everything(workers=True)`` of Lightning seeds it;
    ``worker_init_fn`` of monai/data/utils.py does, which MONAI's own loader uses.

    Workers that are not forked get the dataset pickled. That is the default of Python 3.14, and of macOS.
    """
    for loader in context.components:
        workers = loader.keywords.get("num_workers")
        if type(workers) is not int or workers < 1:
            continue
        if not any(is_exactly(context, loader.target, name) for name in _LOADERS):
            continue
        if not _forks(loader):
            yield from _lambdas(context, loader)
        name = _random_transform(loader.keywords.get("dataset"))
        if name is not None and "worker_init_fn" not in loader.keywords:
            persists = loader.keywords.get("persistent_workers") is True
            yield context.finding(
                (*loader.path, "num_workers"),
                f"{name} repeats its random numbers in each worker{'' if persists else ', and in each epoch'}",
                severity=Severity.WARNING,
                fix=f"write {format_path((*loader.path, 'worker_init_fn'))}: {_SEEDING}",
            )


def _forks(loader: Component) -> bool:
    """Return whether workers are forked, or may be: what is computed is not known."""
    given = loader.keywords.get("multiprocessing_context")
    if given is None:
        return sys.platform == "linux" and sys.version_info < (3, 14)
    return given not in ("forkserver", "spawn")


def _lambdas(context: CheckContext, loader: Component) -> Iterator[Finding]:
    for name in _PICKLED:
        for path, value in leaves_in(loader.keywords.get(name), (*loader.path, name)):
            if is_expression(value) and "lambda" in value and _is_lambda(value):
                yield context.finding(
                    path,
                    "a lambda cannot be pickled for workers, and this loader does not fork them",
                    severity=Severity.WARNING,
                    expected=["a function of a module: {_target_: project.transforms.scale, _mode_: callable}"],
                    fix=f"name a function, or write {format_path((*loader.path, 'multiprocessing_context'))}: fork",
                )


def _is_lambda(text: str) -> bool:
    try:
        return isinstance(parse_expression(text).tree.body, ast.Lambda)
    except ConfigError:
        return False  # the check of references says so


def _random_transform(dataset: Any) -> str | None:
    """Return the name of the first random transform of MONAI inside a dataset; ``None`` if there is none."""
    for component in components_in(dataset, lambda _: True):
        if (component.target or "").startswith(_TRANSFORMS) and component.short_name.startswith(_RANDOM):
            return component.short_name
    return None
