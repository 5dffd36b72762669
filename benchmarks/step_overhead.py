"""What dual logging costs in a training step, against what a user would write instead.

Two trainers run in one process and one thread and take their steps in turn, batch by batch, with garbage collection off
and one torch thread. A step is all that Lightning does for a batch, from fetching it to writing a row. Ratios are of
25th percentiles and of means. Beside them is an exact count that needs no clock: Python function calls per step.

    python benchmarks/step_overhead.py                       # the marks of a small step
    python benchmarks/step_overhead.py --resnet              # against nothing but training, 40 ms and more a step
    python benchmarks/step_overhead.py --evaluation          # steps of validation and test, and of 50 metrics
    python benchmarks/step_overhead.py --peer-python VENV/bin/python    # Lighter 0.1.0, installed in VENV
    python benchmarks/step_overhead.py --resnet --accelerator gpu --precision bf16-mixed --batch-size 4096

On a GPU a step ends when the device is done with it, and the ResNet needs a batch that keeps the device busy for 40 ms.
Lighter 0.1.0 has the same import name, so it runs in its own environment against the same hand-written module.
"""

import argparse
import cProfile
import json
import logging
import platform
import pstats
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytorch_lightning
import torch
from contestants import (
    Bare,
    ByHand,
    EvaluatedByHand,
    ManyByHand,
    Updates,
    lighter_evaluation,
    lighter_many,
    lighter_module,
    lighter_system,
    peer_module,
    perceptron,
    resnet,
)
from torch import nn
from turns import BATCH_SIZE, Contestant, Machine, Same, compare, evaluation_steps, make_trainer, report


def calls_per_step(contestant: Contestant, network: Callable[[], nn.Module], batch: Any, machine: Machine) -> float:
    """Count Python function calls in one step: the difference of a longer and a shorter run, one row in each 50."""

    def count(num_steps: int) -> int:
        profile = cProfile.Profile()
        module = contestant(machine.network(network))
        profile.runcall(make_trainer(machine).fit, module, Same(batch, num_steps))
        return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]

    return (count(300) - count(100)) / 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="steps of each contestant")
    parser.add_argument("--resnet", action="store_true", help="the comparison of a step of 40 ms and more")
    parser.add_argument("--evaluation", action="store_true", help="steps of validation and test, and of 50 metrics")
    parser.add_argument("--peer-python", help="the Python of an environment with lighter==0.1.0")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--compile", action="store_true", help="torch.compile the network of each contestant")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    machine = Machine(
        accelerator=options.accelerator,
        precision=options.precision,
        is_compiled=options.compile,
        batch_size=options.batch_size,
    )
    batch = machine.batch(64)

    def against(ours: Contestant, theirs: Contestant) -> dict:
        return compare(ours, theirs, perceptron, batch, options.steps, machine)

    if options.as_peer:
        print(json.dumps(against(peer_module, ByHand)))
        return
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pytorch_lightning.__version__},"
        f" torchmetrics {version('torchmetrics')}, {machine}"
    )
    if options.resnet:
        num_steps = 200 if options.accelerator == "cpu" else options.steps
        resnet_steps = compare(lighter_system, Bare, resnet, machine.batch(3, 32, 32), num_steps, machine)
        # the mean of a few hundred long steps differs by more than 1 % between runs of the same
        report("System against nothing but training (ResNet)", resnet_steps, (1.01, None))
        return
    if options.evaluation:
        for stage, name in (("validate", "validation"), ("test", "test")):
            steps = compare(
                lighter_evaluation,
                EvaluatedByHand,
                perceptron,
                batch,
                options.steps,
                machine,
                stage=stage,
                start=evaluation_steps,
            )
            report(f"a {name} step against self.log by hand", steps, (0.6, 0.6))
        many = compare(lighter_many, ManyByHand, perceptron, batch, options.steps // 10, machine, log_every_n_steps=1)
        report("a written step of 50 metrics against log_dict by hand", many, (0.5, 0.5))
        return
    report("the same against the same (noise)", against(Updates, Updates), (1.01, 1.01))
    by_hand = against(lighter_system, ByHand)
    report("System against self.log by hand", by_hand, (0.45, 0.47))
    report("LighterModule against self.log by hand", against(lighter_module, ByHand), (0.45, 0.47))
    report("System against updates alone", against(lighter_system, Updates), (1.06, 1.07))
    report("LighterModule against updates alone", against(lighter_module, Updates), (1.06, 1.07))
    if options.peer_python:
        peer = subprocess.run(
            [options.peer_python, __file__, "--as-peer", *sys.argv[1:]],
            capture_output=True,
            text=True,
            check=True,
        )
        of_peer = json.loads(peer.stdout.splitlines()[-1])
        ratios = {key: by_hand[key] / of_peer[key] for key in ("p25", "mean")}
        report(
            "System against Lighter 0.1.0 (by way of self.log)",
            {**ratios, "step_ms": [by_hand["step_ms"][0], of_peer["step_ms"][0]]},
            0.4,
        )
    for name, contestant in [
        ("nothing but training", Bare),
        ("updates alone", Updates),
        ("System", lighter_system),
        ("LighterModule", lighter_module),
        ("self.log by hand", ByHand),
    ]:
        print(f"{name:<58} {calls_per_step(contestant, perceptron, batch, machine):8.1f} Python calls per step")


if __name__ == "__main__":
    main()
