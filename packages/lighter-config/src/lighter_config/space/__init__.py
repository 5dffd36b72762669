"""The space of a sweep: what differs between its trials. Read by `reading`; knows no Optuna and no torch."""

from lighter_config.space.assignments import Assignment
from lighter_config.space.domains import Choice, Dimension, Range
from lighter_config.space.frozen_files import with_files_inside
from lighter_config.space.reading import read_space
from lighter_config.space.settings import SpaceOptions
from lighter_config.space.space import Condition, Constraint, Objective, Space, assignment_from
from lighter_config.space.trials import trial_config

__all__ = [
    "Assignment",
    "Choice",
    "Condition",
    "Constraint",
    "Dimension",
    "Objective",
    "Range",
    "Space",
    "SpaceOptions",
    "assignment_from",
    "read_space",
    "trial_config",
    "with_files_inside",
]
