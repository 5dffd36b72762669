"""What a training step and `lighter --help` cost does not change unnoticed."""

import importlib.util
import json
from pathlib import Path

HERE = Path(__file__).parent


def test_calls_of_a_step_and_modules_of_help_are_recorded() -> None:
    specification = importlib.util.spec_from_file_location("costs", HERE / "costs.py")
    assert specification is not None
    assert specification.loader is not None
    costs = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(costs)
    recorded = json.loads((HERE / "costs.json").read_text())
    assert costs.measure() == recorded, "when that is meant: python tests/costs.py"
