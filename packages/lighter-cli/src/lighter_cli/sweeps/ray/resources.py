"""What the actor of a slot asks of a Ray cluster, and how many of them it has room for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lighter_cli.errors import SweepError
from lighter_cli.sweeps.gpus import gpus_of_a_trial
from lighter_config import Config, Finding, nearest_names

OPTIONS = (
    "num_cpus",
    "num_gpus",
    "memory",
    "resources",
    "accelerator_type",
    "label_selector",
    "scheduling_strategy",
    "runtime_env",
)
"""The options of a Ray actor that ``sweep::ray`` may set; the launcher sets the others."""

_SECTION = "sweep::ray"
_NEARLY = 1e-6


def given_options(config: Config) -> Mapping[str, Any]:
    """Return what ``sweep::ray`` says.

    Raises:
        SweepError: It has an option that it cannot have.
    """
    given = config.expanded().get(_SECTION, None) or {}
    if not isinstance(given, Mapping):
        message = f"{_SECTION} must be a mapping, is {given!r:.40}"
        raise SweepError(_finding(config, _SECTION, message, expected=OPTIONS))
    for name in given:
        if name not in OPTIONS:
            path, nearest = f"{_SECTION}::{name}", nearest_names(str(name), OPTIONS)
            fix = f"write {nearest[0]}" if nearest else "remove it"
            message = f"{path} is not an option of the actors of a sweep"
            raise SweepError(_finding(config, path, message, expected=OPTIONS, nearest=nearest, fix=fix))
    return given


def actor_options(
    config: Config, given: Mapping[str, Any], *, share: int, nodes: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the options of the actor of a slot: what a trial needs, unless ``sweep::ray`` says otherwise.

    Args:
        config: The config.
        given: What ``sweep::ray`` says.
        share: Trials on one GPU.
        nodes: The nodes of the cluster.

    Raises:
        SweepError: No node has a GPU, or trials cannot share them so.
    """
    has_gpus = any(node["Alive"] and node["Resources"].get("GPU", 0) > 0 for node in nodes)
    return {"num_cpus": 1, "num_gpus": _gpus(config, share, has_gpus), **given}


def _gpus(config: Config, share: int, has_gpus: bool) -> float:
    """Return the GPUs of a slot, a part of one if trials share it."""
    accelerator = config.expanded().get("trainer::accelerator", "auto")
    if accelerator not in ("auto", "gpu", "cuda") or (accelerator == "auto" and not has_gpus):
        return 0
    if not has_gpus:
        path = "trainer::accelerator"
        message = f"{path} is {accelerator!r}, and no node of the Ray cluster has a GPU"
        raise SweepError(_finding(config, path, message, fix="start Ray on nodes with GPUs, or set it to cpu"))
    size = gpus_of_a_trial(config)
    if share > 1 and size > 1:
        message = f"--share {share} divides a GPU, and a trial takes {size}"
        raise SweepError(_finding(config, "trainer::devices", message, fix="leave --share out, or trainer::devices=1"))
    return size / share


def room(nodes: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> int:
    """Return how many slots fit on the nodes that are alive, whatever else runs there."""
    needs = {
        "CPU": options.get("num_cpus") or 0,
        "GPU": options.get("num_gpus") or 0,
        "memory": options.get("memory") or 0,
        **(options.get("resources") or {}),
    }
    return sum(_room_of(node["Resources"], needs) for node in nodes if node["Alive"])


def _room_of(has: Mapping[str, float], needs: Mapping[str, float]) -> int:
    counts = [_fit(has.get(name, 0), need, is_gpu=name == "GPU") for name, need in needs.items() if need > 0]
    return min(counts, default=int(has.get("CPU", 0)))


def _fit(amount: float, need: float, *, is_gpu: bool) -> int:
    if is_gpu and need < 1:  # a part of a GPU is a part of one, not of two
        return int(amount) * math.floor(1 / need + _NEARLY)
    return math.floor(amount / need + _NEARLY)


def _finding(config: Config, path: str, message: str, **parts: Any) -> Finding:
    place = config.key_place(path) if path.startswith(_SECTION) else config.place(path)
    excerpt = config.key_excerpt(path) if path.startswith(_SECTION) else config.excerpt(path)
    return Finding(message=message, path=path, place=place, excerpt=excerpt, **parts)
