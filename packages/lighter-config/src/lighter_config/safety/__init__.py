"""Limit what a config may name (`allowance`) and evaluate with ``--safe``: fewer accidents, not a sandbox."""

from lighter_config.safety.allowance import Allowance, listed_targets
from lighter_config.safety.check import SafetyCheck

__all__ = ["Allowance", "SafetyCheck", "listed_targets"]
