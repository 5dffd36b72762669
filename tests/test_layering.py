"""The layers point one way, and importing does nothing."""

import copy
import json
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import grimp
import pytest
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).parents[1]

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
def test_importing_config_and_command_line_loads_nothing_heavy(module: str) -> None:
    assert _run(f"import {module}; {REPORT_HEAVY.format(names=HEAVY)}") == []


def test_core_knows_neither_config_nor_command_line() -> None:
    forbidden = ["lighter_config", "lighter_cli", "sparkwheel", "cyclopts"]
    program = f"import lighter, lighter.adapters, lighter.callbacks; {REPORT_HEAVY.format(names=forbidden)}"
    assert _run(program) == []


def test_importing_lighter_leaves_the_process_as_it_was() -> None:
    assert _run(PROCESS_STATE) == {}


COMMAND_LINE_CONTRACT = "inside the command line, imports point down"


@pytest.fixture(scope="module")
def command_line_contract() -> LayersContract:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = document["tool"]["importlinter"]["contracts"]
    (options,) = [contract for contract in contracts if contract["name"] == COMMAND_LINE_CONTRACT]
    return LayersContract(COMMAND_LINE_CONTRACT, {"root_packages": ["lighter_cli"]}, options)


@pytest.fixture(scope="module")
def command_line_imports() -> grimp.ImportGraph:
    return grimp.build_graph("lighter_cli", cache_dir=None)


def test_an_import_upwards_inside_the_command_line_is_refused(
    command_line_contract: LayersContract, command_line_imports: grimp.ImportGraph
) -> None:
    """Plant an import at each boundary of two layers, and between two neighbours within a layer."""
    imports = command_line_imports
    assert command_line_contract.check(imports, verbose=False).kept
    rooms = imports.find_children("lighter_cli")
    layers = [
        [room for tail in sorted(layer.module_tails, key=str) if (room := f"lighter_cli.{tail.name}") in rooms]
        for layer in command_line_contract.layers
    ]
    layers = [layer for layer in layers if layer]
    planted = [(lower[0], upper[0]) for upper, lower in pairwise(layers)]
    planted += [pair for layer in layers for pair in pairwise(layer)]
    assert len(planted) > 15
    for importer, imported in planted:
        graph = copy.deepcopy(imports)
        graph.add_import(importer=importer, imported=imported)
        assert not command_line_contract.check(graph, verbose=False).kept, f"{importer} may import {imported}"


def test_a_new_room_of_the_command_line_needs_a_layer(
    command_line_contract: LayersContract, command_line_imports: grimp.ImportGraph
) -> None:
    graph = copy.deepcopy(command_line_imports)
    graph.add_module("lighter_cli.helpers")
    assert not command_line_contract.check(graph, verbose=False).kept
