"""The layers point one way, and importing does nothing."""

import json
import subprocess
import sys

import pytest

REPORT_HEAVY = "import sys, json; print(json.dumps([name for name in {names!r} if name in sys.modules]))"
HEAVY = ["torch", "pytorch_lightning", "torchmetrics", "sparkwheel", "numpy"]

PROCESS_STATE = """
import json, logging, multiprocessing.reduction, os, sys, warnings
import torch, pytorch_lightning, pytorch_lightning.callbacks, torchmetrics

def state():
    return {
        "meta path": [repr(finder) for finder in sys.meta_path],
        "path": list(sys.path),
        "path hooks": [repr(hook) for hook in sys.path_hooks],
        "excepthook": repr(sys.excepthook),
        "showwarning": repr(warnings.showwarning),
        "warning filters": [repr(entry) for entry in warnings.filters],
        "environment": dict(os.environ),
        "pickler": [repr(multiprocessing.reduction.dump), repr(multiprocessing.reduction.ForkingPickler)],
        "handlers": {
            name: [repr(handler) for handler in logging.getLogger(name).handlers]
            for name in [None, "lighter", "pytorch_lightning", "torch"]
        },
        "levels": {name: logging.getLogger(name).level for name in [None, "lighter", "pytorch_lightning", "torch"]},
        "default dtype": str(torch.get_default_dtype()),
        "threads": torch.get_num_threads(),
        "generator": torch.get_rng_state().sum().item(),
    }

before = state()
import lighter, lighter.adapters, lighter.callbacks
after = state()
print(json.dumps({name: [before[name], after[name]] for name in before if before[name] != after[name]}))
"""


def _run(program: str) -> object:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("module", ["lighter_config", "lighter_cli", "lighter_cli.app", "lighter_cli.running.runner"])
def test_importing_config_and_cli_loads_nothing_heavy(module: str) -> None:
    assert _run(f"import {module}; {REPORT_HEAVY.format(names=HEAVY)}") == []


def test_core_knows_neither_config_nor_command_line() -> None:
    forbidden = ["lighter_config", "lighter_cli", "sparkwheel", "cyclopts"]
    program = f"import lighter, lighter.adapters, lighter.callbacks; {REPORT_HEAVY.format(names=forbidden)}"
    assert _run(program) == []


def test_importing_lighter_leaves_the_process_as_it_was() -> None:
    assert _run(PROCESS_STATE) == {}
