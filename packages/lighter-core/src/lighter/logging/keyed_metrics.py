"""Metrics by key: each gets a part of the pred and of the target, such as those of one head."""

from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

from torchmetrics import Metric, MetricCollection
from torchmetrics.wrappers.abstract import WrapperMetric

from lighter.accessors import Part, is_accessor
from lighter.errors import MetricError, nearest_names
from lighter.lightning.given_values import kind_of
from lighter.logging.update_arguments import detached, parameters, receivers

KEYS = ("metric", "pred", "target")
_ROLES = ("pred", "target")
_BY_KEYWORD = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class KeyedMetric(WrapperMetric):
    """A metric or a collection that gets a part of the pred and of the target.

    The pred is the first argument of an update, the target the second. By keyword they have the names that the
    metric's own ``update`` gives these two.

    Args:
        metric: The metric or the collection.
        parts: The parts under ``pred`` and ``target``. A role that is missing is given whole; a role whose part has no
            accessor is not given.
        argument: The argument that the user gave, for error messages.
    """

    def __init__(self, metric: Metric | MetricCollection, parts: Mapping[str, Part], argument: str) -> None:
        super().__init__()
        self.metric = metric
        self._parts = dict(parts)
        self._argument = argument
        signatures = [list(parameters(receiver).values()) for receiver in receivers(metric)]
        every = [parameter for signature in signatures for parameter in signature]
        self._takes_all = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in every)
        self._taken = {parameter.name for parameter in every if parameter.kind in _BY_KEYWORD}
        self._own_names = {
            role: [signature[place].name for signature in signatures if len(signature) > place]
            for place, role in enumerate(_ROLES)
        }

    def has_part(self, role: str) -> bool:
        """Return whether the user said what the metric gets of a role."""
        return role in self._parts

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Update the metric with the parts."""
        self._call(self.metric.update, args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Update the metric with the parts, and return the batch's value."""
        value = self._call(self.metric, args, kwargs)
        if isinstance(self.metric, MetricCollection):  # one of two sets of samples has no value of a batch
            value = {name: item for name, item in value.items() if item is not None} or None
        return value

    def compute(self) -> Any:
        """Compute the metric."""
        return self.metric.compute()

    def reset(self) -> None:
        """Reset the metric."""
        self.metric.reset()
        super().reset()

    def _call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        args, kwargs = self._selected(args, kwargs)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            given = [kind_of(arg) for arg in args] + [f"{name}={kind_of(arg)}" for name, arg in kwargs.items()]
            error.add_note(f"while {self._argument} got {', '.join(given)}")
            raise

    def _selected(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Replace pred and target by their parts, and keep the keywords that the metric takes."""
        positional = dict(enumerate(args))
        keywords = {name: arg for name, arg in kwargs.items() if self._takes_all or name in self._taken}
        for place, (role, own_names) in enumerate(self._own_names.items()):
            part = self._parts.get(role)
            if part is None:
                continue
            names = [role, f"{role}s", *own_names]
            name = next((name for name in names if name in kwargs), None)
            if part.accessor is None:
                positional.pop(place, None)
                for own_name in own_names:
                    keywords.pop(own_name, None)
            elif place in positional:
                positional[place] = detached(part.read(positional[place]))
            elif name is not None:
                value = detached(part.read(kwargs[name]))
                keywords |= {own: value for own in own_names if own in self._taken} or {name: value}
            else:
                raise MetricError(
                    f"`{self._argument}` has a `{role}`, but its update got none",
                    expected=f"the {role} as argument {place}, or by a name: {', '.join(dict.fromkeys(names))}",
                    where=part.where,
                    fix="give it to `update_metrics`; in a System the adapter of the metrics does this",
                )
        return [positional[place] for place in sorted(positional)], keywords


def keyed(given: Mapping[str, object], metric: Metric | MetricCollection, argument: str, path: str) -> KeyedMetric:
    """Make a metric of a mapping with ``metric``, ``pred`` and ``target``.

    Args:
        given: The mapping.
        metric: What is made of its ``metric``.
        argument: The argument that the user gave, for error messages.
        path: Where a System's config has it.

    Raises:
        MetricError: A part is neither an index, a key, a path nor a callable.
    """
    parts = {}
    for role in _ROLES:
        if role not in given:
            continue
        accessor: Any = given[role]
        if accessor is not None and not is_accessor(accessor):
            raise MetricError(
                f"`{argument}[{role!r}]` must be an index, a key, a path or a callable, got {accessor!r}",
                expected=f"where the metric's {role} is, such as `logits.cls`; null for a metric without {role}",
            )
        where, fix = f"{argument}[{role!r}]", f"give `{role}` a part that exists; in a System it is at {path}::{role}"
        parts[role] = Part(accessor, role, where, fix, MetricError)
    return KeyedMetric(metric, parts, argument)


def check_keys(given: Mapping[str, object], argument: str) -> None:
    """Raise if a mapping is not one of ``metric``, ``pred`` and ``target``.

    Raises:
        MetricError: It has another key, or no ``metric``.
    """
    for key in given:
        if key not in KEYS:
            raise MetricError(
                f"unknown key {key!r} in `{argument}`",
                expected=", ".join(KEYS),
                nearest=nearest_names(str(key), KEYS),
            )
    if given.get("metric") is None:
        raise MetricError(
            f"`{argument}` has no `metric`",
            expected="a torchmetrics Metric, a list or mapping of them, or a MetricCollection under `metric`",
        )
