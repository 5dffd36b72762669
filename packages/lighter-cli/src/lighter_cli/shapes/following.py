"""Build an experiment without values, and let a described batch pass through the step of each stage."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import nn

from lighter_cli.preflight.failures import Failures, Parts, without_stages
from lighter_cli.preflight.temporary import quiet
from lighter_cli.running.build import build_model, build_system
from lighter_cli.running.file_systems import only_storage
from lighter_cli.shapes.batch import described_batch
from lighter_cli.shapes.fakes import Fakes
from lighter_cli.shapes.layers import Layer, Layers, layer_of, num_parameters
from lighter_cli.shapes.mistakes import findings_in_building, findings_in_step
from lighter_cli.shapes.step import give_zeros, has_step, run_step
from lighter_cli.shapes.weight_files import missing_weights_left_out
from lighter_config import Config, ConfigError, Finding, Severity, Stage, load

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

_WITHOUT_DATA = ("=system::dataloaders={}", "=system::scheduler=null")
"""What is not built: data, which need not exist yet, and what may count its batches."""


@dataclass(slots=True)
class Followed:
    """What a described batch has shown.

    Attributes:
        findings: What is wrong, or could not be followed.
        stages: The stages whose step ran.
        layers: What each part of the network gives.
        parameters: The number of parameters.
    """

    findings: list[Finding] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    parameters: int | None = None


def follow(config: Config, stages: Sequence[Stage], fakes: Fakes, *, is_safe: bool) -> Followed:
    """Let the batch that a config describes pass through the steps of some stages.

    Args:
        config: The config.
        stages: The stages.
        fakes: Makes tensors without values.
        is_safe: Whether ``--safe`` was given.
    """
    followed = Followed()
    section = "system" if config.has("system") else "model"
    changed = load([config, *_changes(config, section)])
    parts = Parts(config)
    with warnings.catch_warnings(), quiet(), fakes.building(), only_storage() if is_safe else nullcontext():
        warnings.simplefilter("ignore")
        try:
            described = described_batch(changed)
            module = _built(changed, section)
            precision = changed.resolve("trainer::precision", None)
        except ConfigError as error:
            followed.findings += error.findings
            return followed
        except Exception as error:
            parts.add(changed)
            followed.findings += without_stages(findings_in_building(error, parts, section))
            return followed
        parts.add(changed)
        give_zeros(module, fakes)
        _run_steps(module, stages, lambda: fakes.batch(described), precision, parts, section, followed)
    return followed


def _changes(config: Config, section: str) -> list[str]:
    if section == "system":
        return list(_WITHOUT_DATA)
    return ["=model::scheduler=null"] if config.has("model::scheduler") else []


def _built(config: Config, section: str) -> LightningModule:
    with missing_weights_left_out():
        return build_system(config) if section == "system" else build_model(config)


def _where(finding: Finding) -> Any:
    """Return what makes findings of two stages one: the place in the file, also of parts that are copies by ``%``."""
    place = finding.place
    return finding if place is None else (finding.severity, place.source, place.line, place.column, place.word)


def _run_steps(
    module: LightningModule,
    stages: Sequence[Stage],
    batch: Callable[[], Any],
    precision: Any,
    parts: Parts,
    section: str,
    followed: Followed,
) -> None:
    network = getattr(module, "network", module)
    layers = Layers(network if isinstance(network, nn.Module) else module)
    failures = Failures()
    known: dict[Any, Finding] = {}
    for stage in stages:
        if not has_step(module, stage):
            continue
        seen, error = run_step(stage, module, batch(), precision)
        followed.stages.append(stage)
        if seen.loss is not None:
            layers.seen.append(layer_of("loss", "", seen.loss))
        if error is not None:
            found = findings_in_step(error, parts, module, section)
            if not seen.is_started:  # what a stage lacks is for `check --stage`
                found = [replace(finding, severity=Severity.WARNING) for finding in found]
            failures.add(stage, [known.setdefault(_where(finding), finding) for finding in found])
    followed.findings += failures.findings()
    followed.layers = layers.seen
    followed.parameters = num_parameters(module)
