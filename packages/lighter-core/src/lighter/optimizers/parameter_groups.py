"""Divide parameters into groups for an optimizer, by patterns, module types and layers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from lighter.errors import OptimizerError, nearest_names
from lighter.parameter_names import bare, clean, is_in_module
from lighter.parameter_selection import ParameterSelection, Selector, as_names, matching

SELECTORS = (*(field.name for field in fields(ParameterSelection)), "types")

DEFAULT = "default"

_NO_DECAY = "no_weight_decay"
_WORDS_OF_TYPES = ("norms", "biases", "vectors", "matrices")
_NORM = re.compile("Norm(?!al)")  # LayerNorm, LlamaRMSNorm; not NormalizedLinear


@dataclass(slots=True)
class _Group:
    """A group that is being made: its options, and its parameters by their first names."""

    options: dict[str, Any]
    names: list[str]


def groups(
    network: nn.Module,
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    no_weight_decay: Mapping[str, Any] | None = None,
    lr: float | None = None,
    layer_decay: float | None = None,
    layers: Sequence[str | Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Divide the parameters of a network into groups, for the ``params`` of an optimizer.

    Each parameter is in exactly one group; those that no group selects are in the group ``default``. The groups have a
    ``name``, under which their learning rates are logged. Frozen parameters are in their groups too, so that they train
    when they are released. A tied parameter has several names, and all of them select it.

    Args:
        network: The network, compiled or not.
        groups: Groups by name. Each has what it selects, with the arguments of ``lighter.callbacks.Freezer``
            (``names``, ``name_starts_with``, ``modules``, ``except_names``, ``except_name_starts_with``) and
            ``types``, and options of the optimizer, such as ``lr``. ``types`` are ``norms`` (parameters of
            normalisation layers), ``biases``, ``vectors`` and ``matrices`` (parameters of at most one dimension, and of
            two) and names of classes, such as ``Embedding``. What one argument or another selects is in the group,
            except for the exceptions.
        no_weight_decay: A selection of the same form. It divides each group in two; the part that it selects is named
            ``{group}_no_weight_decay`` and has a weight decay of 0.
        lr: The learning rate of groups without their own; ``layer_decay`` needs it.
        layer_decay: A factor in (0, 1]. Layer ``i`` of ``n``, counted from 0, has the learning rate
            ``lr * layer_decay ** (n - 1 - i)``.
        layers: The layers for ``layer_decay``, from input to output; every parameter must be in one. Each is a
            module, a parameter, or a list of them; a module whose children are numbered, such as a Sequential, counts
            as one layer for each child. They divide each group into ``{group}_layer_{i}``, and the default group into
            ``layer_{i}``. A parameter of several layers belongs to the first.

    Returns:
        The groups in the given order, the default group last; each has ``params``, ``name`` and its options.

    Raises:
        OptimizerError: A pattern matches nothing, two groups claim a parameter, a parameter is in no layer, or an
            argument has another form.

    Source: Layer-wise decay is that of BEiT (Bao et al. 2022, appendix).

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    >>> made = groups(network, {"head": {"modules": "1", "lr": 0.1}}, no_weight_decay={"types": "biases"})
    >>> [(group["name"], len(group["params"])) for group in made]
    [('head', 1), ('head_no_weight_decay', 1), ('default', 1), ('default_no_weight_decay', 1)]
    """
    given = _checked(network, groups)
    if not (given or no_weight_decay or layer_decay is not None):
        raise OptimizerError(
            "`groups` has nothing to divide the parameters by",
            expected="at least one of groups, no_weight_decay, layer_decay",
            fix="give the optimizer `network.parameters()`, or name a group",
        )
    parameters = _Parameters(network)
    claimed: dict[str, str] = {}
    made: dict[str, _Group] = {}
    for name, described in given.items():
        selected = parameters.selected(described, f"groups[{name!r}]")
        for parameter in selected:
            if parameter in claimed:
                raise _claimed_twice(parameter, [one for one in selected if one in claimed], claimed, name)
        claimed |= dict.fromkeys(selected, name)
        made[name] = _Group(_options(described), selected)
    rest = [name for name in parameters.first_names if name not in claimed]
    if rest:
        if DEFAULT in made:
            raise OptimizerError(
                f"the group {DEFAULT!r} leaves out {bare(rest[0])!r}, which belongs to the default group",
                where="lighter.optimizers.groups",
                fix="give the group another name",
            )
        made[DEFAULT] = _Group({}, rest)
    if lr is not None:
        made = {name: _Group({"lr": lr, **group.options}, group.names) for name, group in made.items()}
    if layer_decay is not None or layers is not None:
        made = _divided_by_layers(made, parameters, layer_decay, layers)
    if no_weight_decay is not None:
        made = _divided_by_decay(made, set(parameters.selected(no_weight_decay, _NO_DECAY, has_options=False)))
    return [
        {"params": [parameters.by_name[one] for one in group.names], "name": name, **group.options}
        for name, group in made.items()
    ]


class _Parameters:
    """The parameters of a network under all their names, each with the first part ``network.``, as Freezer has it."""

    def __init__(self, network: nn.Module) -> None:
        self.modules = {clean(f"network.{name}").removesuffix("."): module for name, module in network.named_modules()}
        named = [(clean(f"network.{name}"), one) for name, one in network.named_parameters(remove_duplicate=False)]
        firsts: dict[nn.Parameter, str] = {}
        for name, parameter in named:
            firsts.setdefault(parameter, name)
        self.first_name_of = {name: firsts[parameter] for name, parameter in named}
        self.by_name = {name: parameter for parameter, name in firsts.items()}
        self.first_names = list(self.by_name)

    def selected(self, described: Mapping[str, Any], where: str, *, has_options: bool = True) -> list[str]:
        """Return the first names of what a group selects, in the order of the network."""
        selector = Selector(where, "train", "for example modules: [backbone]", OptimizerError)
        for key in described:
            if key in SELECTORS:
                continue
            near = nearest_names(str(key), SELECTORS)
            if near or not has_options:
                raise OptimizerError(
                    f"unknown key {key!r} in `{where}`",
                    where="lighter.optimizers.groups",
                    expected=", ".join(SELECTORS) + (", or an option of the optimizer" if has_options else ""),
                    nearest=near,
                )
        types = described.get("types")
        arguments = {key: described[key] for key in SELECTORS if key in described and key != "types"}
        selection = ParameterSelection.of_arguments(selector=selector, may_be_empty=bool(types), **arguments)
        names = list(self.first_name_of)
        of_types = self._of_types(types, selector) if types else None
        chosen = selection.matching(names, where=where, selector=selector, of_types=of_types)
        firsts = {self.first_name_of[name] for name in chosen}
        return [name for name in self.first_names if name in firsts]

    def layer(self, entries: Sequence[str], selector: Selector) -> set[str]:
        """Return the first names in one layer."""
        found = matching("layers", entries, _is_or_is_in, list(self.first_name_of), selector)
        return {self.first_name_of[name] for name in found}

    def expanded(self, layer: str | Sequence[str], selector: Selector) -> list[tuple[str, ...]]:
        """Return a layer, or one for each child of a module whose children are numbered."""
        if not isinstance(layer, str):
            return [as_names("layers", layer, selector)]
        module = self.modules.get(layer) or self.modules.get(f"network.{layer}")
        children = [name for name, _ in module.named_children()] if module is not None else []
        if children and all(name.isdecimal() for name in children):
            return [(f"{layer}.{name}",) for name in children]
        return [(layer,)]

    def _of_types(self, types: Any, selector: Selector) -> set[str]:
        found: set[str] = set()
        for word in as_names("types", types, selector):
            of_word = {name for name in self.first_name_of if self._is_of_type(name, word)}
            if not of_word:
                classes = {base.__name__ for module in self.modules.values() for base in type(module).__mro__[:-2]}
                raise OptimizerError(
                    f"{word!r} in `types` matches no parameter",
                    where=selector.name,
                    expected="norms, biases, vectors, matrices, or the name of a class with parameters",
                    nearest=nearest_names(word, [*_WORDS_OF_TYPES, *sorted(classes)]),
                    fix="correct or remove the entry of types",
                )
            found |= of_word
        return found

    def _is_of_type(self, name: str, word: str) -> bool:
        owner, _, own_name = name.rpartition(".")
        match word:
            case "biases":
                return "bias" in own_name.split("_")
            case "vectors" | "matrices":
                parameter = self.by_name[self.first_name_of[name]]
                return not is_lazy(parameter) and (parameter.ndim <= 1 if word == "vectors" else parameter.ndim == 2)
        classes = [base.__name__ for base in type(self.modules[owner]).__mro__[:-2]]  # without Module and object
        if word == "norms":
            return any(_NORM.search(base) for base in classes)
        return word in classes


def _is_or_is_in(name: str, module: str) -> bool:
    return name == module or is_in_module(name, module)


def _checked(network: object, given: Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, Mapping[str, Any]]:
    where = "lighter.optimizers.groups"
    if not isinstance(network, nn.Module):
        raise OptimizerError(f"`network` must be a torch.nn.Module, got {network!r:.40}", where=where)
    if given is not None and not isinstance(given, Mapping):
        raise OptimizerError(
            f"`groups` must be a mapping of groups by name, got a {type(given).__name__}",
            where=where,
            expected='a mapping such as {"head": {"modules": ["head"], "lr": 0.1}}',
        )
    for name, described in (given or {}).items():
        if not isinstance(described, Mapping):
            raise OptimizerError(
                f"`groups[{name!r}]` must be a mapping, got {described!r:.40}",
                where=where,
                expected="what it selects, and options of the optimizer",
            )
        for key in ("params", "name"):
            if key in described:
                raise OptimizerError(
                    f"`groups[{name!r}]` cannot have `{key}`, which is made from its selection and its key",
                    where=where,
                    expected=", ".join(SELECTORS),
                )
    return given or {}


def _options(described: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in described.items() if key not in SELECTORS}


def _claimed_twice(parameter: str, shared: list[str], claimed: Mapping[str, str], name: str) -> OptimizerError:
    more = f", and {len(shared) - 1} more" if len(shared) > 1 else ""
    return OptimizerError(
        f"two groups claim {bare(parameter)!r}: {claimed[parameter]!r} and {name!r}",
        where="lighter.optimizers.groups",
        expected=f"each parameter in one group; both select {bare(parameter)}{more}",
        fix=f"leave it out of one with except_names or except_name_starts_with; `{_NO_DECAY}` may overlap with groups",
    )


def _divided_by_layers(
    made: Mapping[str, _Group],
    parameters: _Parameters,
    layer_decay: float | None,
    layers: Sequence[str | Sequence[str]] | None,
) -> dict[str, _Group]:
    where = "lighter.optimizers.groups"
    if layer_decay is None or not layers or isinstance(layers, str):
        raise OptimizerError(
            "`layer_decay` and `layers` belong together",
            where=where,
            expected="a factor, and a list of the layers from input to output",
            fix="for example layer_decay: 0.75, layers: [embedding, blocks, head]",
        )
    if isinstance(layer_decay, bool) or not isinstance(layer_decay, int | float) or not 0 < layer_decay <= 1:
        raise OptimizerError(f"`layer_decay` must be in (0, 1], got {layer_decay!r}", where=where)
    selector = Selector(where, "train", "", OptimizerError)
    in_order = [entries for layer in layers for entries in parameters.expanded(layer, selector)]
    layer_of: dict[str, int] = {}
    for index, entries in enumerate(in_order):
        for name in parameters.layer(entries, selector):
            layer_of.setdefault(name, index)
    if missing := [bare(name) for name in parameters.first_names if name not in layer_of]:
        shown = ", ".join(missing[:4]) + (f", and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise OptimizerError(
            f"{missing[0]!r} is in none of the `layers`",
            where=where,
            expected=f"a layer for each parameter; missing are {shown}",
            fix=f"add them to a layer, for example layers: [[{missing[0]}, {in_order[0][0]}], ...]",
        )
    divided: dict[str, _Group] = {}
    for name, group in made.items():
        rate = group.options.get("lr")
        if rate is None:
            raise OptimizerError(
                f"`layer_decay` needs `lr`, which the group {name!r} does not have",
                where=where,
                expected="the learning rate of the last layer",
                fix='give `lr: "%system::optimizer::lr"` beside layer_decay',
            )
        for index in range(len(in_order)):
            if names := [one for one in group.names if layer_of[one] == index]:
                scaled = rate * layer_decay ** (len(in_order) - 1 - index)
                own_name = f"layer_{index}" if name == DEFAULT else f"{name}_layer_{index}"
                divided[own_name] = _Group({**group.options, "lr": scaled}, names)
    return divided


def _divided_by_decay(made: Mapping[str, _Group], exempt: set[str]) -> dict[str, _Group]:
    divided: dict[str, _Group] = {}
    for name, group in made.items():
        if others := [one for one in group.names if one not in exempt]:
            divided[name] = _Group(group.options, others)
        if names := [one for one in group.names if one in exempt]:
            divided[f"{name}_{_NO_DECAY}"] = _Group({**group.options, "weight_decay": 0.0}, names)
    return divided
