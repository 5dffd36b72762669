"""Several optimizers that Lightning's automatic optimization steps as one."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from lighter.errors import OptimizerError, nearest_names
from lighter.optimizers.parameter_groups import DEFAULT, groups
from lighter.real_signature import real_signature

_WHERE = "lighter.optimizers.CombinedOptimizer"
_NUM_STEPS = "num_combined_steps"


class CombinedOptimizer(Optimizer):
    """Several optimizers as one, each with its own parameters, for a loss that all of them minimize.

    All step at once, or they take turns. A scheduler gets this optimizer and scales the rates of all groups; gradients
    are clipped together. Losses of their own, as in a GAN, need manual optimization.

    Args:
        network: The network.
        optimizers: By name, mappings with ``optimizer`` (a callable that makes one from ``params``, such as a config's
            ``_mode_: partial``) and the parameters that it gets, selected as in `lighter.optimizers.groups`. At most
            one selects nothing and gets the rest.
        no_weight_decay: A selection of parameters with a weight decay of 0, as in `lighter.optimizers.groups`.
        alternate: The number of steps that each optimizer takes before the next one does, by name, in the order of the
            turns. The gradients of the others are not used. By default all step each time.

    Attributes:
        optimizers: The optimizers by name. Their states and groups are those of this optimizer.
        alternate: The turns; empty if all step each time.

    Raises:
        OptimizerError: Patterns match nothing or overlap, a trainable parameter is left out, an optimizer calls its
            closure several times, or an argument has another form.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizers: Mapping[str, Mapping[str, Any]],
        *,
        no_weight_decay: Mapping[str, Any] | None = None,
        alternate: Mapping[str, int] | None = None,
    ) -> None:
        _check(optimizers, alternate)
        divided = _divided(network, optimizers, no_weight_decay)
        self.optimizers = {name: _made(name, optimizers[name]["optimizer"], divided[name]) for name in optimizers}
        self.alternate = dict(alternate or {})
        super().__init__([group for one in self.optimizers.values() for group in one.param_groups], {})
        for optimizer in self.optimizers.values():
            self.state.update(optimizer.state)  # a few make theirs at once
        self.param_groups[0].setdefault(_NUM_STEPS, 0)
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Call the closure once, and step the optimizers, or the one whose turn it is."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        num_steps = self.param_groups[0][_NUM_STEPS]
        for name in [self._turns[num_steps % len(self._turns)]] if self._turns else self.optimizers:
            self.optimizers[name].step()
        self.param_groups[0][_NUM_STEPS] = num_steps + 1
        return loss

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "optimizers": self.optimizers, "alternate": self.alternate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # also when a state is loaded, which makes new groups
        self._share()

    def _share(self) -> None:
        """Give each optimizer its groups, and the state of all: the checkpoint is that of one optimizer."""
        self._turns = [name for name, length in self.alternate.items() for _ in range(length)]
        start = 0
        for optimizer in self.optimizers.values():
            end = start + len(optimizer.param_groups)
            optimizer.state, optimizer.param_groups = self.state, self.param_groups[start:end]
            start = end


def flat(optimizers: Iterable[Optimizer]) -> list[Optimizer]:
    """Return optimizers with combined ones taken apart."""
    return [
        one
        for optimizer in optimizers
        for one in (optimizer.optimizers.values() if isinstance(optimizer, CombinedOptimizer) else [optimizer])
    ]


def _check(optimizers: Mapping[str, Mapping[str, Any]], alternate: Mapping[str, int] | None) -> None:
    if not isinstance(optimizers, Mapping) or len(optimizers) < 2:
        raise OptimizerError(
            "`optimizers` must be a mapping of several optimizers by name",
            where=_WHERE,
            expected='for example {"body": {"optimizer": Muon, "modules": ["body"]}, "rest": {"optimizer": AdamW}}',
        )
    for name, described in optimizers.items():
        if not isinstance(described, Mapping) or not callable(described.get("optimizer")):
            raise OptimizerError(
                f"`optimizers[{name!r}]` needs `optimizer`, a callable that takes `params`",
                where=_WHERE,
                expected="a class of optimizers, or one with arguments",
                fix="in a config {_target_: torch.optim.AdamW, _mode_: partial, lr: 0.001}",
            )
    for name, length in (alternate or {}).items():
        if name not in optimizers:
            raise OptimizerError(
                f"unknown optimizer {name!r} in `alternate`",
                where=_WHERE,
                expected=", ".join(optimizers),
                nearest=nearest_names(str(name), optimizers),
            )
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise OptimizerError(f"`alternate[{name!r}]` must be a number of steps, got {length!r}", where=_WHERE)
    if alternate and (missing := [name for name in optimizers if name not in alternate]):
        raise OptimizerError(
            f"`alternate` has no steps for {missing[0]!r}, which would never step",
            where=_WHERE,
            expected=f"a number of steps for each of {', '.join(optimizers)}",
        )


def _divided(
    network: nn.Module, optimizers: Mapping[str, Mapping[str, Any]], no_weight_decay: Mapping[str, Any] | None
) -> dict[str, list[dict[str, Any]]]:
    """Return the parameter groups of each optimizer."""
    selections = {name: {key: one[key] for key in one if key != "optimizer"} for name, one in optimizers.items()}
    of_rest = [name for name, selection in selections.items() if not selection]
    if len(of_rest) > 1:
        raise OptimizerError(
            f"the optimizers {of_rest[0]!r} and {of_rest[1]!r} select no parameters",
            where=_WHERE,
            expected="at most one without a selection, which gets the rest",
        )
    selected = {name: selection for name, selection in selections.items() if selection}
    by_parameter = {one: group["name"] for group in groups(network, selected) for one in group["params"]}
    rest = of_rest[0] if of_rest else None
    divided: dict[str, list[dict[str, Any]]] = {name: [] for name in optimizers}
    for group in groups(network, selected, no_weight_decay=no_weight_decay):
        name = by_parameter[group["params"][0]]
        if name not in selected:
            if rest is None and any(one.requires_grad for one in group["params"]):
                raise OptimizerError(
                    f"{len(group['params'])} parameters are in none of the optimizers",
                    where=_WHERE,
                    expected="an optimizer for each trainable parameter",
                    fix="leave out the selection of one optimizer: it gets the rest",
                )
            group["name"] = f"{rest}{group['name'].removeprefix(DEFAULT)}"
            name = rest
        if name is not None:
            divided[name].append(group)
    if rest is not None and not divided[rest]:
        raise OptimizerError(f"no parameters are left for the optimizer {rest!r}", where=_WHERE)
    return divided


def _made(name: str, make: Callable[..., Any], params: list[dict[str, Any]]) -> Optimizer:
    optimizer = make(params=params)
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, CombinedOptimizer):
        raise OptimizerError(
            f"`optimizers[{name!r}]` made a {type(optimizer).__name__}", where=_WHERE, expected="a torch optimizer"
        )
    closure = real_signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise OptimizerError(
            f"{type(optimizer).__name__} calls its closure several times, so it cannot be combined",
            where=_WHERE,
            expected="optimizers that step once for a gradient",
        )
    return optimizer
