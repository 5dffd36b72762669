"""Wrap a module's steps and hooks, so that logging does not depend on calls to ``super()``."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule

from lighter.errors import StepOutputError
from lighter.mode import Mode

STEPS = {"training_step": Mode.TRAIN, "validation_step": Mode.VAL, "test_step": Mode.TEST}

_WRAPS = "_lighter_wraps"

# what LighterModule runs before a hook, even if the user's hook does not call `super()`
HOOKS = {
    "setup": "_before_setup",
    "on_fit_start": "_before_on_fit_start",
    "on_train_start": "_before_on_train_start",
    "on_train_epoch_end": "_before_on_train_epoch_end",
    "on_validation_epoch_end": "_before_on_validation_epoch_end",
    "on_test_epoch_end": "_before_on_test_epoch_end",
    "on_fit_end": "_before_on_fit_end",
    "on_save_checkpoint": "_before_on_save_checkpoint",
    "on_load_checkpoint": "_before_on_load_checkpoint",
}


def wrap_steps_and_hooks(cls: type[LightningModule]) -> None:
    """Wrap the steps and hooks of a class, also those of a mixin; an absent step stays absent."""
    for name, mode in STEPS.items():
        step = getattr(cls, name)
        if step is not getattr(LightningModule, name) and not _is_wrapped(step):
            setattr(cls, name, _counted(step, mode))
    for name, before in HOOKS.items():
        hook = getattr(cls, name)
        if not _is_wrapped(hook):
            setattr(cls, name, _preceded(hook, before))
    if not _is_wrapped(cls.lr_scheduler_step):
        cls.lr_scheduler_step = _with_new_value(cls.lr_scheduler_step)  # type: ignore[method-assign]


def keep_bookkeeping_out_of_compiled_steps(module: LightningModule) -> None:
    """Keep our counting and logging out of the steps of a module from ``torch.compile(module)``.

    Lightning puts a compiled copy of each wrapped step on the object. Remove these copies: the steps of the class run
    instead, and compile only the user's part.
    """
    for name in [*STEPS, "predict_step"]:
        vars(module).pop(name, None)
    # compiled steps call these; torch 2.15 fails in `annotationlib` if it compiles how a signature is read
    for name in ("update_metrics", "_clock_names"):
        vars(module)[name] = torch.compiler.disable(getattr(module, name))  # type: ignore[no-untyped-call]


def check_steps_are_wrapped(module: LightningModule) -> None:
    """Raise if a step was assigned to the class or the object after the class was made: it would not be counted.

    Raises:
        StepOutputError: A step was assigned.
    """
    for name in STEPS:
        of_class, default = inspect.getattr_static(type(module), name), getattr(LightningModule, name)
        of_object = vars(module).get(name)
        if not (of_class is default or _is_wrapped(of_class)) or not (of_object is None or _is_wrapped(of_object)):
            raise StepOutputError(
                f"{type(module).__name__}.{name} was assigned after the class was made, so it would not be counted",
                expected=f"`{name}` as a method in the body of a class",
                fix=f"define `{name}` in a subclass of {type(module).__name__}",
            )


def _is_wrapped(function: object) -> bool:
    return getattr(function, _WRAPS, False)


def _counted(step: Callable[..., Any], mode: Mode) -> Callable[..., Any]:
    @functools.wraps(step)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._run_step(step, mode, args, kwargs)

    setattr(counted, _WRAPS, True)
    return counted


def _with_new_value(step: Callable[..., Any]) -> Callable[..., Any]:
    """Leave out the step of a schedule that has counted the value of its monitor before.

    Lightning checks schedules more strictly if the class does not override the hook: ``wraps`` keeps that.
    """

    @functools.wraps(step)
    def stepped(self: Any, scheduler: object, metric: object) -> Any:
        if step.__name__ in self._running_hooks or metric is None:
            return step(self, scheduler, metric)
        if not self._logging.new_values.take(self.trainer, scheduler):
            return None
        self._running_hooks.add(step.__name__)
        try:
            return step(self, scheduler, metric)
        finally:
            self._running_hooks.discard(step.__name__)

    setattr(stepped, _WRAPS, True)
    return stepped


def _preceded(hook: Callable[..., Any], before: str) -> Callable[..., Any]:
    name = hook.__name__

    @functools.wraps(hook)
    def preceded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in self._running_hooks:  # called by `super()` in the user's hook
            return hook(self, *args, **kwargs)
        self._running_hooks.add(name)
        try:
            getattr(self, before)(*args, **kwargs)
            return hook(self, *args, **kwargs)
        finally:
            self._running_hooks.discard(name)

    setattr(preceded, _WRAPS, True)
    return preceded
