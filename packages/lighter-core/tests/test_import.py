import subprocess
import sys

import pytest

import lighter

PROBE = """
import logging, multiprocessing.reduction, os, sys, warnings
import torch, pytorch_lightning, torchmetrics  # what they change is theirs
def state():
    return (
        dict(os.environ), list(sys.meta_path), sys.excepthook, warnings.showwarning, list(warnings.filters),
        list(logging.getLogger().handlers), logging.getLogger().level, multiprocessing.reduction.dump,
        multiprocessing.reduction.ForkingPickler.__dict__.get("_extra_reducers"), list(sys.path),
        torch.get_rng_state().tolist(),
    )
before = state()
import lighter, lighter.adapters, lighter.resumable
assert state() == before
forbidden = {"yaml", "sparkwheel", "lighter_config", "lighter_cli", "cyclopts", "rich", "loguru", "pandas"}
own = {name for name in sys.modules if name.split(".")[0] == "lighter"}
assert not any(hasattr(sys.modules[name], module) for name in own for module in forbidden)
"""


@pytest.mark.slow
def test_importing_lighter_leaves_the_process_as_it_was():
    subprocess.run([sys.executable, "-c", PROBE], check=True)


def test_public_names_are_those_listed():
    assert all(hasattr(lighter, name) for name in lighter.__all__)
    assert {"LighterModule", "LighterDataModule", "System", "Mode", "__version__"} < set(lighter.__all__)
