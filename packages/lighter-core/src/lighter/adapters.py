"""Turn one shape of data into the arguments that another object takes.

An adapter is any callable with the same signature; these four cover what configs need. They check their arguments when
they are made.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from lighter.accessors import Part, is_accessor
from lighter.errors import AdapterError

Accessor = int | str | Callable[[Any], Any]
Transforms = Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None


class BatchAdapter:
    """Get input, target and identifier from a batch.

    Args:
        input_accessor: An index for a tuple or list, a key for a mapping, or a callable that takes the batch. A text
            that is not a key is a path of keys, indices and attributes, such as ``views.0`` or ``target.boxes``.
        target_accessor: The same, or None for a batch without target.
        identifier_accessor: The same, or None for samples without names.

    Raises:
        AdapterError: An accessor has another type.

    >>> BatchAdapter("image", target_accessor=lambda batch: batch["label"] * 2)({"image": 1, "label": 2})
    (1, 4, None)
    """

    def __init__(
        self,
        input_accessor: Accessor,
        target_accessor: Accessor | None = None,
        identifier_accessor: Accessor | None = None,
    ) -> None:
        accessors = {
            "input_accessor": input_accessor,
            "target_accessor": target_accessor,
            "identifier_accessor": identifier_accessor,
        }
        parts = []
        for name, accessor in accessors.items():
            if not is_accessor(accessor) and (accessor is not None or name == "input_accessor"):
                raise AdapterError(
                    f"BatchAdapter's `{name}` must be an index, a key or a callable, got {accessor!r}",
                    expected="an int for a tuple or list, a str for a mapping, or a callable that takes the batch",
                )
            fix = f"give BatchAdapter the `{name}` of this batch; in a System it is at adapters::MODE::batch"
            parts.append(Part(accessor, "batch", f"BatchAdapter, `{name}`", fix, AdapterError))
        self._input, target, identifier = parts
        self._target = None if target_accessor is None else target
        self._identifier = None if identifier_accessor is None else identifier
        are_indices = type(input_accessor) is type(target_accessor) is int and identifier_accessor is None
        self._pair = itemgetter(input_accessor, target_accessor) if are_indices else None

    def __call__(self, batch: Any) -> tuple[Any, Any, Any]:
        """Return input, target and identifier; None for what has no accessor.

        Raises:
            AdapterError: The batch has no such item.
        """
        if self._pair is not None:
            try:
                return (*self._pair(batch), None)
            except (KeyError, IndexError, TypeError):
                pass  # the parts say which of them does not exist
        return (
            self._input.read(batch),
            None if self._target is None else self._target.read(batch),
            None if self._identifier is None else self._identifier.read(batch),
        )


class LoggingAdapter:
    """Transform what callbacks and writers see; training uses the original values.

    Args:
        input_transforms: A callable, or a list of callables that are called in turn.
        target_transforms: The same for the target.
        pred_transforms: The same for the pred.

    Raises:
        AdapterError: A transform cannot be called.

    >>> LoggingAdapter(pred_transforms=[abs, lambda pred: pred + 1])(1, 2, -3)
    (1, 2, 4)
    """

    def __init__(
        self,
        input_transforms: Transforms = None,
        target_transforms: Transforms = None,
        pred_transforms: Transforms = None,
    ) -> None:
        self._input = _as_list(input_transforms, "input_transforms", type(self).__name__)
        self._target = _as_list(target_transforms, "target_transforms", type(self).__name__)
        self._pred = _as_list(pred_transforms, "pred_transforms", type(self).__name__)

    def __call__(self, input: Any, target: Any, pred: Any) -> tuple[Any, Any, Any]:  # noqa: A002  # the role's name
        """Return input, target and pred, transformed."""
        return _transformed(input, self._input), _transformed(target, self._target), _transformed(pred, self._pred)


class _ArgumentsAdapter:
    """Pass input, target and pred to a callable: an int is a position, a string is a keyword."""

    def __init__(
        self,
        input_argument: int | str | None = None,
        target_argument: int | str | None = None,
        pred_argument: int | str | None = None,
        input_transforms: Transforms = None,
        target_transforms: Transforms = None,
        pred_transforms: Transforms = None,
    ) -> None:
        owner = type(self).__name__
        arguments = {"input": input_argument, "target": target_argument, "pred": pred_argument}
        transforms = {"input": input_transforms, "target": target_transforms, "pred": pred_transforms}
        _check_arguments(arguments, owner)
        lists = {role: _as_list(given, f"{role}_transforms", owner) for role, given in transforms.items()}
        for role, given in lists.items():
            if given and arguments[role] is None:
                raise AdapterError(
                    f"{owner}'s `{role}_transforms` need `{role}_argument`, which is missing",
                    expected=f"`{role}_argument`, a position or a keyword; without it the transforms are never called",
                )
        roles = [*arguments]  # in the order of a call
        self._transforms = [lists[role] for role in roles] if any(lists.values()) else None
        positions = sorted((given, role) for role, given in arguments.items() if isinstance(given, int))
        self._positional = [roles.index(role) for _, role in positions]
        self._keywords = {given: roles.index(role) for role, given in arguments.items() if isinstance(given, str)}

    def __call__(self, function: Callable[..., Any], input: Any, target: Any, pred: Any) -> Any:  # noqa: A002
        """Call the criterion or the metrics; return what they return."""
        roles = (input, target, pred)
        if self._transforms is not None:
            roles = tuple(map(_transformed, roles, self._transforms))
        args = map(roles.__getitem__, self._positional)
        if not self._keywords:
            return function(*args)
        return function(*args, **{name: roles[index] for name, index in self._keywords.items()})


class CriterionAdapter(_ArgumentsAdapter):
    """Call a criterion with input, target and pred as the arguments that it takes.

    Args:
        input_argument: A position (from 0, without gaps), a keyword, or None to omit the input.
        target_argument: The same for the target.
        pred_argument: The same for the pred.
        input_transforms: A callable or a list of callables, applied to the input first.
        target_transforms: The same for the target.
        pred_transforms: The same for the pred.

    Raises:
        AdapterError: Positions have gaps, two roles have one argument, or transforms have no argument.

    >>> adapter = CriterionAdapter(pred_argument=0, target_argument="labels", target_transforms=float)
    >>> adapter(lambda pred, labels: (pred, labels), input=None, target=3, pred=0.5)
    (0.5, 3.0)
    """


class MetricsAdapter(_ArgumentsAdapter):
    """Update metrics with input, target and pred as the arguments that they take; the options are CriterionAdapter's.

    >>> MetricsAdapter(pred_argument="preds", target_argument="target")(dict, input=None, target=1, pred=2)
    {'target': 1, 'preds': 2}
    """


def _check_arguments(arguments: Mapping[str, int | str | None], owner: str) -> None:
    for role, given in arguments.items():
        if given is not None and (isinstance(given, bool) or not isinstance(given, int | str)):
            raise AdapterError(
                f"{owner}'s `{role}_argument` must be a position, a keyword or None, got {given!r}",
                expected="an int, a str, or None",
            )
    named = [argument for argument in arguments.values() if argument is not None]
    shown = ", ".join(f"{role}_argument={argument!r}" for role, argument in arguments.items() if argument is not None)
    if not named:
        raise AdapterError(f"{owner} passes no argument", expected="at least one of its `..._argument`")
    if len(set(named)) < len(named):
        raise AdapterError(f"{owner} passes two values as one argument: {shown}", expected="different arguments")
    positions = sorted(argument for argument in named if isinstance(argument, int))
    if positions != list(range(len(positions))):
        raise AdapterError(
            f"{owner} has a gap in its positions: {shown}", expected="positions 0, 1, ... without a gap, or keywords"
        )


def _as_list(transforms: Transforms, name: str, owner: str) -> list[Callable[[Any], Any]]:
    if transforms is None:
        return []
    listed = list(transforms) if isinstance(transforms, list | tuple) else [transforms]
    for transform in listed:
        if not callable(transform):
            raise AdapterError(
                f"{owner}'s `{name}` must be callables, got {transform!r}",
                expected="a callable, or a list of callables",
            )
    return listed  # type: ignore[return-value]  # all are callables


def _transformed(value: Any, transforms: Sequence[Callable[[Any], Any]]) -> Any:
    for transform in transforms:
        value = transform(value)
    return value
