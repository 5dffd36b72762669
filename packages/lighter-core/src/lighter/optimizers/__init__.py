"""Optimizers by config (`parameter_groups`, `combined_optimizer`), and how they and their schedules run."""

from lighter.optimizers.combined_optimizer import CombinedOptimizer
from lighter.optimizers.parameter_groups import groups

__all__ = ["CombinedOptimizer", "groups"]
