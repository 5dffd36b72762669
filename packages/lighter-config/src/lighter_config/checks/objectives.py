"""What judges the trials of a sweep: the name must be logged, in the direction in which it improves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lighter_config.checks.context import CheckContext
from lighter_config.checks.monitor_modes import is_better_higher
from lighter_config.checks.monitors import how_to_log, logged_names, nearest_logged
from lighter_config.findings import Finding, Severity
from lighter_config.sections import TRAINER
from lighter_config.space import Constraint, Objective, Space
from lighter_config.tree.paths import format_path

_OPTIONS = {"maximize": "--max", "minimize": "--min"}
_OF_A_FIT = ("train/", "val/")


@dataclass(frozen=True, slots=True)
class ObjectiveCheck:
    """Report objectives and constraints that no fit of a trial logs, and objectives that improve the other way.

    Attributes:
        space: The space of the sweep.
    """

    space: Space

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is wrong with them in the config of one trial."""
        yield from _fast_dev_run(context)
        logged = logged_names(context)
        if logged is None:
            return
        limits = [one for one in self.space.constraints if one.name.startswith(_OF_A_FIT)]
        judges: list[Objective | Constraint] = [*self.space.objectives, *limits]
        for judge in judges:
            if logged.has(judge.name):
                if isinstance(judge, Objective):
                    yield from _wrong_direction(context, judge, logged.metrics)
                continue
            nearest = nearest_logged(judge.name, logged.names)
            reason = " (trials are judged by the value of an epoch)" if judge.name.endswith("/step") else ""
            doubt = f", unless {logged.doubt} does" if logged.doubt else ""
            yield _finding(
                judge,
                f"nothing logs {judge.name!r}, {_role(judge)}{reason}{doubt}",
                severity=Severity.WARNING if logged.doubt else Severity.ERROR,
                expected=tuple(logged.names),
                nearest=nearest,
                fix=how_to_log(context, judge.name, nearest, logged.names).replace("monitor", "name"),
            )


def _role(judge: Objective | Constraint) -> str:
    return "an objective of the sweep" if isinstance(judge, Objective) else "which a constraint limits"


def _wrong_direction(context: CheckContext, objective: Objective, metrics: dict[str, Any]) -> Iterator[Finding]:
    is_higher = is_better_higher(context, objective.name, metrics)
    if is_higher is None or is_higher is (objective.direction == "maximize"):
        return
    better, right = ("higher", "maximize") if is_higher else ("lower", "minimize")
    is_option = objective.place is not None and objective.place.source.startswith("option")
    yield _finding(
        objective,
        f"the sweep {objective.direction}s {objective.name}, but a {better} one is better",
        severity=Severity.WARNING,
        expected=(_OPTIONS[right] if is_option else right,),
        fix=f"write {_OPTIONS[right]} {objective.name}" if is_option else f"write {right}: {objective.name}",
    )


def _finding(judge: Objective | Constraint, message: str, **parts: Any) -> Finding:
    path = "" if judge.place is None or judge.place.source.startswith("option") else "sweep"
    return Finding(message=message, path=path, place=judge.place, excerpt=judge.name, check="objectives", **parts)


def _fast_dev_run(context: CheckContext) -> Iterator[Finding]:
    path = (TRAINER, "fast_dev_run")
    if context.value(path) not in (None, False, 0):
        yield context.finding(
            path,
            "a trial with fast_dev_run leaves no checkpoint and no values of epochs",
            fix=f"leave out {format_path(path)}, or limit the trials with trainer::max_epochs",
        )
