"""Check configs that are loaded already, without building anything."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.readers import Readers
from lighter_cli.checking.result import CheckResult, Follow, Targets, has_errors
from lighter_cli.checking.safe_checks import safe_checks
from lighter_cli.checking.settings import Settings
from lighter_config import (
    Check,
    CheckContext,
    Config,
    ConfigError,
    DoesNotExist,
    FileSource,
    Finding,
    MergeError,
    Secrets,
    Severity,
    SignatureReader,
    Source,
    Stage,
    Texts,
    Unknown,
    check,
)
from lighter_config.project import Project, find_project, is_users_own
from lighter_config.signatures import Answer

_BUILT = ("trainer", "system", "model")


class ConfigChecker:
    """Check configs, reading each library only once.

    Args:
        stages: The stages to check for; without any, all sections are checked, and not what a stage needs.
        readers: Read what targets take; by default new ones.
        deep: Whether the readers import targets, so that those of the project must be importable.
        safe: Whether to refuse targets that are not on the list of ``--safe``.
        allow: Packages and callables to add to that list.
        follow: Lets the described batch pass through an experiment that has no errors.
        settings: The severities of findings.
    """

    def __init__(
        self,
        stages: Sequence[Stage] = (),
        *,
        readers: Readers | None = None,
        deep: bool = False,
        safe: bool = False,
        allow: Sequence[str] = (),
        follow: Follow | None = None,
        settings: Settings = Settings(),  # noqa: B008  # frozen
    ) -> None:
        self._stages = tuple(stages)
        self._deep = deep
        self._safe = safe
        self._allow = tuple(allow)
        self._follow = follow
        self._settings = settings
        self._readers = readers or Readers()

    def check(self, config: Config, words: tuple[str, ...], *, may_be_fragment: bool = False) -> CheckResult:
        """Check a config.

        Args:
            config: The config.
            words: The inputs that it was loaded from.
            may_be_fragment: Whether it is judged as a part of an experiment if it looks like one.
        """
        project, about_project = find_project(config)
        reader = self._reader(project)
        targets = _Targets()
        is_part = may_be_fragment and is_fragment(config)
        judged = self._settings.judged
        stages_of: dict[Finding, tuple[Stage, ...]] = {}
        checks: list[Check] = [*experiment_checks(os.environ), targets]
        checks += safe_checks(safe=self._safe, allow=self._allow, trusts_project=is_users_own(project, config))
        for stage in self._stages or (None,):
            for finding in judged(check(config, stage, reader=reader, checks=checks, is_fragment=is_part)):
                stages_of[finding] = (*stages_of.get(finding, ()), *([stage] if stage is not None else []))
        found = sorted(stages_of, key=_position) if len(self._stages) > 1 else list(stages_of)
        shapes = None
        if self._follow is not None and not is_part and not has_errors([*about_project, *found]):
            followed = self._follow(config, self._stages, reader)
            about_shapes = judged(followed.findings)
            found += about_shapes
            stages_of |= dict.fromkeys(about_shapes, self._stages)
            shapes = followed.facts
        return CheckResult(
            words=tuple(Secrets(config).hidden_in(words)),  # the logs of jobs keep what is printed
            findings=(*about_project, *found),
            stages=self._stages,
            stages_of=stages_of,
            targets=targets.counted(),
            is_fragment=is_part,
            shapes=shapes,
        )

    def reader_of(self, config: Config) -> SignatureReader:
        """Return the reader of a config's targets."""
        return self._reader(find_project(config)[0])

    def _reader(self, project: Project | None) -> SignatureReader:
        if self._deep:
            from lighter_cli.project import make_targets_importable

            make_targets_importable(project)
        return self._readers.of(None if project is None else project.folder)


class _Targets:
    """A check without findings: it collects the answer of reading each target."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        for component in context.components:
            if component.target is not None:
                answer = context.reader.read(component.target)
                if context.is_fragment and isinstance(answer, DoesNotExist) and answer.missing == "project":
                    answer = Unknown(component.target, "another file names the folder of the project")
                self._answers[component.target] = answer
        return iter(())

    def counted(self) -> Targets:
        missing = tuple(target for target, answer in self._answers.items() if isinstance(answer, DoesNotExist))
        unknown = {target: answer.reason for target, answer in self._answers.items() if isinstance(answer, Unknown)}
        return Targets(len(self._answers) - len(missing) - len(unknown), missing, unknown)


def is_fragment(config: Config) -> bool:
    """Return whether a config is a part of an experiment: no trainer, or only changes to what another file builds."""
    return _only_changes({name: config.get(name) for name in _BUILT if config.has(name)})


def _only_changes(tree: Mapping[Any, Any]) -> bool:
    if "trainer" not in tree:
        return True
    sections = [tree[name] for name in _BUILT if name in tree]
    return all(isinstance(section, dict) and "_target_" not in section for section in sections)


def deletes_from_another(sources: Sequence[Source], error: ConfigError, texts: Texts | None = None) -> Finding | None:
    """Return a warning for a file that, checked alone, deletes what only the file that it changes has; else none."""
    if not (isinstance(error, MergeError) and len(sources) == 1 and isinstance(sources[0], FileSource)):
        return None
    source = sources[0]
    if not _only_changes((texts or Texts()).tree(source.path, source.name).plain()):
        return None
    return replace(
        error.findings[0],
        message=f"{source.name} is not checked alone: {error.findings[0].message}",
        severity=Severity.WARNING,
        fix=f"check it with the file that it changes: base.yaml,{source.name}",
    )


def _position(finding: Finding) -> tuple[bool, str, int, int, int]:
    place = finding.place
    if place is None:
        return (False, "", 0, 0, 0)
    return (place.word is not None, place.source, place.word or 0, place.line or 0, place.column or 0)
