"""Decide the ``where`` of a space for one trial, without building anything."""

from lighter_config.dumping.resolved_view import known_value
from lighter_config.errors import ExpressionError
from lighter_config.findings import Finding
from lighter_config.sections import SWEEP
from lighter_config.space.assignments import Assignment
from lighter_config.space.space import Condition, Space
from lighter_config.space.trials import trial_config
from lighter_config.tree.paths import format_path

WHERE = (SWEEP, "where")


def holds(space: Space, condition: Condition, assignment: Assignment) -> bool:
    """Return whether a condition holds for a trial.

    Raises:
        ExpressionError: Its value is not known without building something, or it is neither true nor false.
        MergeError: The values of the trial do not fit into the config.
    """
    config = trial_config(space.config, space, assignment)
    try:
        value = known_value(config, condition.text)
    except ValueError as error:
        message = f"{format_path(WHERE)} cannot be decided before a trial runs"
        fix = "compare plain values of the config: $@vars::width * @vars::depth <= 512"
        raise _error(message, condition, "an expression on numbers, text and lists of the config", fix) from error
    if not isinstance(value, bool):
        message = f"{format_path(WHERE)} gives {value!r}, which is neither true nor false"
        raise _error(message, condition, "a comparison", "compare it with a value: <=, ==, in")
    return value


def _error(message: str, condition: Condition, expected: str, fix: str) -> ExpressionError:
    return ExpressionError(
        Finding(
            message=message,
            path=format_path(WHERE),
            place=condition.place,
            excerpt=condition.excerpt,
            expected=(expected,),
            fix=fix,
        )
    )
