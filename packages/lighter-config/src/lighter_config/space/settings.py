"""Read what the ``sweep`` section says beside its dimensions, and the options that replace it."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lighter_config.building.resolving import TARGET
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.sections import SWEEP
from lighter_config.space.space import Condition, Constraint, Objective
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Node
from lighter_config.tree.paths import SEPARATOR, format_path
from lighter_config.tree.scalars import scalar

SAMPLERS = ("tpe", "grid", "random", "qmc", "gp", "cmaes", "nsga2")
PRUNERS = ("median", "hyperband", "patient", "wilcoxon")
TAKES = ("best", "last")
KEYS = (
    "over",
    "files",
    "repeat",
    "maximize",
    "minimize",
    "take",
    "where",
    "constraints",
    "first",
    "sampler",
    "pruner",
    "trials",
    "hours",
    "patience",
    "slurm",
    "ray",
)
"""The keys of the section, in the order in which messages list them."""

_CONSTRAINT = re.compile(r"(?P<name>\S+)\s*(?P<operator><=|>=|<|>)\s*(?P<limit>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceOptions:
    """Options of ``lighter sweep``; each replaces what the ``sweep`` section says.

    Attributes:
        maximize: The logged names of which more is better.
        minimize: The logged names of which less is better.
        repeat: The paths of the dimensions that repeat a trial.
        sampler: The short name of a sampler.
        pruner: The short name of a pruner.
        trials: The number of trials in all.
        hours: No trial starts after this many hours.
        patience: No trial starts after this many trials without a better one.
    """

    maximize: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()
    sampler: str | None = None
    pruner: str | None = None
    trials: int | None = None
    hours: float | None = None
    patience: int | None = None


class SettingsReader:
    """Reads the settings of one section, and collects what is wrong with them.

    Args:
        section: The ``sweep`` section; an empty mapping where there is none.
        options: What replaces it.

    Attributes:
        findings: The errors, each with its place.
    """

    def __init__(self, section: Node, options: SpaceOptions) -> None:
        self._section = section
        self._options = options
        self.findings: list[Finding] = []

    def check_keys(self) -> None:
        """Report keys that the section does not have."""
        for key, node in self._section.value.items():
            if key not in KEYS:
                nearest = nearest_names(str(key), KEYS)
                fix = f"write {nearest[0]}" if nearest else "remove it"
                path = format_path((SWEEP, key))
                self._at_key(node, path, f"{path} is not a key of a sweep", expected=KEYS, nearest=nearest, fix=fix)

    def objectives(self) -> tuple[Objective, ...]:
        """Return what judges a trial: by the options, else by the section."""
        options = self._options
        if options.maximize or options.minimize:
            given = [(name, "maximize", "--max") for name in options.maximize]
            given += [(name, "minimize", "--min") for name in options.minimize]
            return tuple(Objective(name, way, Place(f"option {option}")) for name, way, option in given)  # type: ignore[arg-type]
        return (*self._objectives("maximize"), *self._objectives("minimize"))

    def _objectives(self, direction: Literal["maximize", "minimize"]) -> Iterator[Objective]:
        for node in self._items(direction):
            if isinstance(node.value, str) and node.value:
                yield Objective(node.value, direction, node.place)
            else:
                self._wrong(node, direction, "the name of a logged value", "write a name: val/loss/epoch")

    def conditions(self) -> tuple[Condition, ...]:
        """Return what must hold for a trial to run."""
        return tuple(self._conditions())

    def _conditions(self) -> Iterator[Condition]:
        for node in self._items("where"):
            if isinstance(node.value, str) and node.value[:1] in ("$", "@"):
                yield Condition(node.value, node.place, node.excerpt)
            else:
                fix = f'write "${node.value}"' if isinstance(node.value, str) and "@" in node.value else ""
                self._wrong(node, "where", "an expression, such as $@vars::width <= 64", fix)

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what must hold after a trial ran."""
        return tuple(self._constraints())

    def _constraints(self) -> Iterator[Constraint]:
        for node in self._items("constraints"):
            match = _CONSTRAINT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
            limit = scalar(match["limit"]) if match is not None else None
            if match is None or isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit):
                self._wrong(node, "constraints", "a logged name and a limit: test/latency <= 20", "")
            else:
                yield Constraint(match["name"], match["operator"], limit, node.place)  # type: ignore[arg-type]

    def sampler(self) -> Any:
        """Return the short name of the sampler or its component; ``None`` if the space decides."""
        return self._component("sampler", SAMPLERS, self._options.sampler)

    def pruner(self) -> Any:
        """Return the short name of the pruner or its component; ``None`` for no pruning."""
        return self._component("pruner", PRUNERS, self._options.pruner, option="--prune")

    def _component(self, key: str, names: tuple[str, ...], option_value: str | None, *, option: str = "") -> Any:
        node = self._section.value.get(key) if option_value is None else None
        value = option_value if node is None else node.plain()
        if value is None or value in names or (isinstance(value, dict) and TARGET in value):
            return value
        path = f"{SWEEP}{SEPARATOR}{key}"
        nearest = nearest_names(str(value), names) if isinstance(value, str) else ()
        fix = (
            f"write {nearest[0]}"
            if nearest
            else f"write one of these, or a component: {{_target_: optuna.{key}s. ...}}"
        )
        message = f"{value!r} is not the name of a {key}"
        if node is None:
            self._option(option or f"--{key}", value, message, expected=names, nearest=nearest, fix=fix)
        else:
            self._report(node, path, message, expected=names, nearest=nearest, fix=fix)
        return None

    def take(self) -> Literal["best", "last"]:
        """Return which epoch of a trial counts."""
        node = self._section.value.get("take")
        if node is None or node.value is None or node.value == "best":
            return "best"
        if node.value != "last":
            self._wrong(node, "take", "best or last", "", nearest=nearest_names(str(node.value), TAKES))
        return "last"

    def trials(self) -> int | None:
        """Return the number of trials in all."""
        return self._count("trials", self._options.trials)

    def patience(self) -> int | None:
        """Return after how many trials without a better one the sweep ends."""
        return self._count("patience", self._options.patience)

    def hours(self) -> float | None:
        """Return after how many hours no trial starts."""

        def is_time(value: object) -> bool:
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf

        found: float | None = self._number("hours", self._options.hours, is_time, "a number above 0")
        return found

    def _count(self, key: str, option: int | None) -> int | None:
        def is_count(value: object) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and value > 0

        found: int | None = self._number(key, option, is_count, "a whole number from 1")
        return found

    def _number(self, key: str, option: Any, is_right: Callable[[object], bool], expected: str) -> Any:
        node = self._section.value.get(key) if option is None else None
        value = option if node is None else node.value
        if value is None or is_right(value):
            return value
        if node is None:
            self._option(f"--{key}", value, f"--{key} is {value}", expected=(expected,))
        else:
            self._wrong(node, key, expected, "")
        return None

    def _items(self, key: str) -> list[Node]:
        """Return the items of a list; a value alone is a list of one."""
        node = self._section.value.get(key)
        if node is None or node.value is None:
            return []
        return list(node.value) if node.is_list else [node]

    def _wrong(self, node: Node, key: str, expected: str, fix: str, *, nearest: tuple[str, ...] = ()) -> None:
        path = f"{SWEEP}{SEPARATOR}{key}"
        shown = "null" if node.value is None else f"{node.plain()!r:.60}"
        fix = fix or (f"write {nearest[0]}" if nearest else "")
        self._report(node, path, f"{path} is {shown}", expected=(expected,), nearest=nearest, fix=fix)

    def _at_key(self, node: Node, path: str, message: str, **parts: Any) -> None:
        finding = Finding(
            message=message, path=path, place=node.key_place, excerpt=node.key_excerpt, check="space", **parts
        )
        self.findings.append(finding)

    def _report(self, node: Node, path: str, message: str, **parts: Any) -> None:
        finding = Finding(message=message, path=path, place=node.place, excerpt=node.excerpt, check="space", **parts)
        self.findings.append(finding)

    def _option(self, option: str, value: object, message: str, **parts: Any) -> None:
        place = Place(f"option {option}")
        self.findings.append(Finding(message=message, place=place, excerpt=str(value), check="space", **parts))
