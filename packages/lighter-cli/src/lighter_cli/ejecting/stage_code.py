"""The code of each stage of an experiment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.seeds import find_seed
from lighter_config import CheckError, Config, Finding, Severity, SourceError, Stage, check, prune
from lighter_config.dumping import PythonCode, to_python
from lighter_config.project import locate_project, reader_in

if TYPE_CHECKING:
    from lighter_config.writing.python_names import Names

_DEFAULTS = {Stage.PREDICT: {"return_predictions": "False"}}


@dataclass(frozen=True, slots=True)
class StageCode:
    """What one stage does.

    Attributes:
        stage: The stage.
        seed: The seed of the run.
        code: The statements that build its objects.
        objects: The variables of trainer, model and data; the last is missing if there is none.
        arguments: The code of the keywords of the Trainer's method, without ``ckpt_path``.
        checkpoint: The code of the checkpoint that the config names; empty if it names none.
    """

    stage: Stage
    seed: int
    code: PythonCode
    objects: tuple[str, ...]
    arguments: Mapping[str, str]
    checkpoint: str

    @property
    def is_shareable(self) -> bool:
        """Return whether the call needs no variable but those of the objects."""
        return not self.code.arguments


def usable_stages(config: Config, stage: Stage | None) -> tuple[Stage, ...]:
    """Return the stage that is asked for, or all stages that the config has everything for.

    Raises:
        CheckError: The config has errors, or lacks what the stage needs.
    """
    found = {one: _errors(config, one) for one in ([stage] if stage is not None else Stage)}
    usable = tuple(one for one, errors in found.items() if not errors)
    wrong = _errors(config, None) or ([error for errors in found.values() for error in errors] if not usable else [])
    if wrong:
        raise CheckError(*dict.fromkeys(wrong))
    return usable


def _errors(config: Config, stage: Stage | None) -> list[Finding]:
    findings = check(config, stage, reader=reader_in(locate_project(config)), checks=experiment_checks(os.environ))
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def code_of(config: Config, stage: Stage, names: "Names") -> StageCode:
    """Write what a stage builds.

    Raises:
        ConfigError: A part is decided only when it is built.
    """
    reader = reader_in(locate_project(config))
    pruned = prune(config, stage, reader)
    names.start_function()
    sections = ["trainer", *(["system"] if pruned.has("system") else ["model"])]
    sections += ["data"] if "system" not in sections and pruned.has("data") else []
    given = pruned.get(f"args::{stage}", None)
    if given is not None and not isinstance(given, dict):
        place, excerpt = pruned.place(f"args::{stage}"), pruned.excerpt(f"args::{stage}")
        message = f"args::{stage} is not a mapping, so its arguments are not known"
        raise SourceError(Finding(message=message, place=place, excerpt=excerpt, fix="write each argument"))
    paths = [f"args::{stage}::{name}" for name in given or ()]
    code = to_python(pruned, names, reader, sections=sections, arguments=paths)
    arguments = {path.rpartition("::")[2]: value for path, value in code.arguments.items()}
    checkpoint = arguments.pop("ckpt_path", "None")
    return StageCode(
        stage=stage,
        seed=find_seed(pruned),
        code=code,
        objects=tuple(code.variables[path] for path in sections),
        arguments={"weights_only": "True", **_DEFAULTS.get(stage, {}), **arguments},
        checkpoint="" if checkpoint == "None" else checkpoint,
    )


def same_objects(stages: Sequence[StageCode]) -> bool:
    """Return whether all stages build the same, so that one function can do it for all."""
    return all(one.code.statements == stages[0].code.statements and one.is_shareable for one in stages)
