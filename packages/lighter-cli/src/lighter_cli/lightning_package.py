"""Which of its two packages Lightning is used from: ``pytorch_lightning``, or ``lightning``, which has a copy of it.

The classes of the two are different, so that an object of one is no instance of the other's. The trainer decides: what
is added to it comes from its package. Nothing here imports a package that the experiment has not imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Hashable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from lighter_config.checks.lightning_packages import PACKAGES

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint

T = TypeVar("T")


def package_of(built: type | object) -> str | None:
    """Return the package of Lightning that a class, or that of an object, derives from; ``None`` for other classes.

    >>> package_of(int) is None
    True
    """
    kind = built if isinstance(built, type) else type(built)
    for base in kind.__mro__:
        for package in PACKAGES:
            if base.__module__ == package or base.__module__.startswith(f"{package}."):
                return package
    return None


def is_a(built: object, name: str) -> bool:
    """Return whether an object is of a class of Lightning, from either package.

    Args:
        built: Any object.
        name: The path of the class inside the package, such as ``callbacks.ModelCheckpoint``.
    """
    imported = (package for package in PACKAGES if package in sys.modules)
    return any(isinstance(built, _class(package, name)) for package in imported)


def is_model_checkpoint(callback: object) -> TypeGuard[ModelCheckpoint]:
    """Return whether a callback is a ``ModelCheckpoint``."""
    return is_a(callback, "callbacks.ModelCheckpoint")


def is_sigterm(error: BaseException | None) -> TypeGuard[SystemExit]:
    """Return whether an error is the one with which Lightning ends after a SIGTERM."""
    return is_a(error, "utilities.exceptions.SIGTERMException")


def is_of_release_of_core(trainer: Trainer) -> bool:
    """Return whether a trainer has the loops of the ``pytorch_lightning`` that ``lighter`` imports.

    ``lightning`` has a copy of them in the same minor release. It may be installed alone.
    """
    known, package = sys.modules.get(PACKAGES[0]), sys.modules[package_of(trainer) or PACKAGES[0]]
    return known is not None and known.__version__.split(".")[:2] == package.__version__.split(".")[:2]


def class_beside(trainer: Trainer, name: str) -> Any:
    """Return a class of the package that a trainer comes from.

    Args:
        trainer: The trainer.
        name: The path of the class inside the package, such as ``callbacks.ModelCheckpoint``.
    """
    return _class(package_of(trainer) or PACKAGES[0], name)


def derived(own: type[T], trainer: Trainer, name: str) -> type[T]:
    """Return a class of ours that also derives from a class of the package that a trainer comes from.

    Args:
        own: The class, whose methods come first.
        trainer: The trainer.
        name: The path of the base inside the package, such as ``Callback``.
    """
    kind: type[T] = _derived(own, class_beside(trainer, name))  # type: ignore[arg-type]
    return kind


def _class(package: str, name: str) -> Any:
    where, _, kind = name.rpartition(".")
    return getattr(importlib.import_module(f"{package}.{where}" if where else package), kind)


@cache
def _derived(own: Hashable, base: Hashable) -> Any:
    assert isinstance(own, type)
    assert isinstance(base, type)
    names: dict[str, Any] = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    if not issubclass(base, BaseException):  # a spawned rank gets the trainer as a pickle, which finds classes by name
        names["__reduce__"] = lambda self: (_empty, (own, base), self.__dict__)
    return type(own.__name__, (own, base), names)


def _empty(own: type, base: type) -> Any:
    kind = _derived(own, base)
    return kind.__new__(kind)
