"""Follow a described batch in a process of its own: torch is not imported here, and what crashes there is told here."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lighter_cli.checking.result import FollowedBatch
from lighter_cli.preflight.requirements import stages_with_data
from lighter_config import CheckError, Config, Finding, Place, Severity, SignatureReader, Stage
from lighter_config.sections import SHAPES

_LIMIT_S = 600
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",  # nothing is computed, and starting CUDA takes seconds and memory
    "TORCHDYNAMO_DISABLE": "1",
    "PYTORCH_JIT": "0",  # scripted functions take no tensors without values
    "HF_HUB_OFFLINE": "1",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the other process is asked.

    Attributes:
        config: The config, which is checked already.
        stages: The stages whose steps to run.
        is_safe: Whether ``--safe`` was given.
    """

    config: Config
    stages: tuple[Stage, ...]
    is_safe: bool


def follow_batch(
    config: Config, stages: Sequence[Stage], reader: SignatureReader, *, is_safe: bool = False
) -> FollowedBatch:
    """Let the batch that a config describes pass through the steps of some stages, in another process.

    Args:
        config: The config, which is checked already.
        stages: The stages; without any, those that the config has data for.
        reader: Reads signatures.
        is_safe: Whether ``--safe`` was given.
    """
    if not config.has(SHAPES):
        return FollowedBatch((_not_described(config),))
    request = pickle.dumps(Request(config, followed_stages(config, stages, reader), is_safe))
    # without -P, a file of the working directory could stand in for a module of ours
    command = [sys.executable, "-P", "-m", "lighter_cli.shapes"]
    try:
        done = subprocess.run(
            command,
            input=request,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FollowedBatch((_ended(config, f"took more than {_LIMIT_S // 60} minutes"),))
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return FollowedBatch((_ended(config, _reason(done.returncode)),))
    findings = tuple(_finding(fields) for fields in answer.pop("findings"))
    return FollowedBatch(findings, answer)


def followed_stages(config: Config, asked: Sequence[Stage], reader: SignatureReader) -> tuple[Stage, ...]:
    """Return the stages whose step to run; validation is a part of fit."""
    try:
        having, _ = stages_with_data(config, reader)
    except CheckError:  # a described batch needs no data
        having = [Stage.FIT, Stage.VALIDATE]
    asked = [*asked, Stage.VALIDATE] if Stage.FIT in asked else asked
    return tuple(stage for stage in having if not asked or stage in asked)


def _not_described(config: Config) -> Finding:
    names = _names_of_batch(config)
    examples = ["64,3,32,32", "64:int64", *(["64:str"] * len(names))]
    words = " ".join(f"{SHAPES}::{name}={example}" for name, example in zip(names, examples, strict=False))
    return Finding(
        message=f"--shapes needs a described batch, and the config has no `{SHAPES}`",
        place=Place("option --shapes"),
        excerpt="--shapes",
        expected=("a shape for each item of a batch, the batch first, as the loader gives them",),
        fix=f"add words such as {words}, or the section `{SHAPES}` to the config",
        check=SHAPES,
    )


def _names_of_batch(config: Config) -> list[str]:
    """Return how the items of a batch are called: as the adapter of a mode reads them, else by their position."""
    expanded = config.expanded()
    for mode in ("train", "val", "test", "predict"):
        accessors = [f"system::adapters::{mode}::batch::{role}_accessor" for role in ("input", "target", "identifier")]
        names = [expanded.get(accessor, None) for accessor in accessors]
        if isinstance(names[0], str | int):
            return [str(name) for name in names if isinstance(name, str | int)]
    return ["0", "1"]


def _ended(config: Config, reason: str) -> Finding:
    return Finding(
        message=f"the process that follows the described batch {reason}",
        path=SHAPES,
        place=config.place(SHAPES),
        expected=("an answer about the shapes",),
        fix="see its messages above; lighter preflight rehearses the experiment with data",
        check=SHAPES,
    )


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _finding(fields: dict[str, Any]) -> Finding:
    place = fields.pop("place")
    expected, nearest = tuple(fields.pop("expected")), tuple(fields.pop("nearest"))
    severity = Severity(fields.pop("severity"))
    return Finding(
        **fields,
        expected=expected,
        nearest=nearest,
        severity=severity,
        place=None if place is None else Place(**place),
    )
