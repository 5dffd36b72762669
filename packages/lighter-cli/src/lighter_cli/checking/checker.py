"""Check experiments, for the command and for pytest, without building anything."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from lighter_cli.checking import experiment_checks
from lighter_cli.checking.experiment import Experiment
from lighter_cli.checking.safe_checks import safe_checks
from lighter_cli.checking.settings import Settings
from lighter_config import (
    Check,
    CheckContext,
    Config,
    ConfigError,
    DoesNotExist,
    Finding,
    MergeError,
    Secrets,
    Severity,
    SignatureReader,
    SourceError,
    Stage,
    Unknown,
    check,
    load,
    parse_sources,
)
from lighter_config.project import Project, find_project, is_users_own, reader_in
from lighter_config.regular_files import read_regular
from lighter_config.signatures import Answer
from lighter_config.sources.texts import Texts
from lighter_config.sources.words import FileSource, LookUpRun, OverrideSource, Source
from lighter_config.sources.yaml_reader import decode
from lighter_config.tree.credentials import without_secrets

Input: TypeAlias = str | os.PathLike[str]

_Alone: TypeAlias = tuple[str, list[Source] | ConfigError]
"""An input, and its sources, or why it has none."""

_Piece: TypeAlias = tuple[str, list[Source] | ConfigError | Experiment]
"""What is checked by itself: an input, or an experiment that a table or the first line of a file names."""

_BUILT = ("trainer", "system", "model")
_NOTHING = Finding(message="no config given", fix="name one: lighter check config.yaml")
_NOTHING_OF_EACH = Finding(
    message="no config given",
    fix="name one: lighter check --each config.yaml; or list experiments in [tool.lighter.experiments]",
)


@dataclass(frozen=True, slots=True)
class FollowedBatch:
    """What a described batch has shown.

    Attributes:
        findings: What is wrong, or could not be followed.
        facts: The stages, the layers with what they give, and the number of parameters, as JSON has them; ``None`` if
            nothing could be followed.
    """

    findings: tuple[Finding, ...]
    facts: dict[str, Any] | None = None


Follow: TypeAlias = Callable[[Config, Sequence[Stage], SignatureReader], FollowedBatch]
"""Lets a described batch pass through the steps of some stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of checking one experiment, or one fragment.

    Attributes:
        words: The inputs that it was loaded from, as the command line had them.
        findings: The findings, in the order of their places.
        experiment: The name of the experiment that a table or a first line gave, of which its file is a part.
        stages: The stages that it was checked for; empty when all sections were checked, for no stage.
        stages_of: The stages that each finding holds for.
        targets: The answer of reading each target.
        is_fragment: Whether it was checked as a part of an experiment.
        shapes: What a described batch has shown; ``None`` if it was not followed.
    """

    words: tuple[str, ...]
    findings: tuple[Finding, ...]
    experiment: str = ""
    stages: tuple[Stage, ...] = ()
    stages_of: Mapping[Finding, tuple[Stage, ...]] = field(default_factory=dict)
    targets: Mapping[str, Answer] = field(default_factory=dict)
    is_fragment: bool = False
    shapes: dict[str, Any] | None = None

    @property
    def has_errors(self) -> bool:
        """Whether a finding is an error."""
        return has_errors(self.findings)

    @property
    def has_warnings(self) -> bool:
        """Whether a finding is a warning."""
        return any(finding.severity is Severity.WARNING for finding in self.findings)

    @property
    def missing(self) -> tuple[str, ...]:
        """The targets that do not exist."""
        return tuple(target for target, answer in self.targets.items() if isinstance(answer, DoesNotExist))

    @property
    def unknown(self) -> dict[str, str]:
        """The targets whose source does not tell what they take, and why."""
        return {target: answer.reason for target, answer in self.targets.items() if isinstance(answer, Unknown)}

    @property
    def num_known(self) -> int:
        """The number of targets whose arguments are known."""
        return len(self.targets) - len(self.missing) - len(self.unknown)


class Checker:
    """Check experiments, reading each library only once.

    Args:
        stages: The stages to check for; without any, all sections are checked, and not what a stage needs.
        deep: Whether to import the targets whose source does not tell what they take.
        look_up_run: Finds the runs that inputs name.
        safe: Whether to refuse targets that are not on the list of ``--safe``.
        allow: Packages and callables to add to that list.
        follow: Lets the described batch pass through an experiment that has no errors.
        settings: The experiments of the project, and the severities of findings.
    """

    def __init__(
        self,
        stages: Sequence[Stage] = (),
        *,
        deep: bool = False,
        look_up_run: LookUpRun | None = None,
        safe: bool = False,
        allow: Sequence[str] = (),
        follow: Follow | None = None,
        settings: Settings = Settings(),  # noqa: B008  # frozen
    ) -> None:
        self._stages = tuple(stages)
        self._look_up_run = look_up_run
        self._deep = deep
        self._safe = safe
        self._allow = tuple(allow)
        self._follow = follow
        self._settings = settings
        self._readers: dict[Path | None, SignatureReader] = {}

    def check(self, inputs: Sequence[Input]) -> CheckResult:
        """Check the one experiment that all inputs make; an input that cannot be read is a finding."""
        names = tuple(os.fspath(given) for given in inputs)
        if not inputs:
            return CheckResult(words=names, findings=(_NOTHING,))
        try:
            return self._result(names, self._parsed(inputs))
        except ConfigError as error:
            return CheckResult(words=tuple(map(without_secrets, names)), findings=error.findings)

    def check_each(self, inputs: Sequence[Input]) -> Iterator[CheckResult]:
        """Check each input as the experiments that it belongs to, else as an experiment or fragment by itself.

        A comma list is one experiment, overrides apply to all. Without any file, the experiments of the table are
        checked.
        """
        overrides: list[OverrideSource] = []
        alone: list[_Alone] = []
        for number, given in enumerate(inputs, start=1):
            try:
                sources = [replace(source, word=number) for source in self._parsed([given])]
            except ConfigError as error:
                findings = [_of_word(finding, number) for finding in error.findings]
                alone.append((without_secrets(os.fspath(given)), SourceError(*findings)))
                continue
            given_overrides = [source for source in sources if isinstance(source, OverrideSource)]
            if len(given_overrides) == len(sources):
                overrides += given_overrides
            else:
                alone.append((os.fspath(given), sources))
        pieces = list(self._pieces(alone)) if alone else [(one.name, one) for one in self._settings.experiments]
        if not pieces and not has_errors(self._settings.findings):
            yield CheckResult(words=tuple(os.fspath(given) for given in inputs), findings=(_NOTHING_OF_EACH,))
        from lighter_cli.checking.processes import shared  # which one experiment does not need

        if self._deep or self._follow is not None:  # which import what must not be forked
            yield from map(partial(self._piece, overrides), pieces)
        else:
            yield from shared(lambda some: [self._piece(overrides, one) for one in some], pieces)

    def _pieces(self, alone: Sequence[_Alone]) -> Iterator[_Piece]:
        """Yield what to check: each input, or in its place the experiments that it belongs to, each once."""
        seen: set[Experiment] = set()
        for name, sources_or_error in alone:
            experiments = self.experiments_of(sources_or_error) if isinstance(sources_or_error, list) else ()
            new = [experiment for experiment in experiments if experiment not in seen]
            yield from ((experiment.name, experiment) for experiment in new)
            seen.update(new)
            if not experiments:
                yield name, sources_or_error

    def _piece(self, overrides: Sequence[OverrideSource], piece: _Piece) -> CheckResult:
        name, given = piece
        if isinstance(given, Experiment):
            return self.check_experiment(given, overrides)
        if isinstance(given, ConfigError):
            return CheckResult(words=(name,), findings=given.findings)
        return self._check_alone(name, given, overrides)

    def check_experiment(self, experiment: Experiment, overrides: Sequence[OverrideSource] = ()) -> CheckResult:
        """Check an experiment that a table or the first line of a file names.

        Args:
            experiment: The experiment.
            overrides: What is changed in it besides.
        """
        try:
            if experiment.findings:
                raise SourceError(*experiment.findings)
            result = self._result(experiment.words, [*experiment.sources(), *overrides])
        except ConfigError as error:
            result = CheckResult(words=experiment.words, findings=error.findings)
        return replace(result, experiment=experiment.name)

    def experiments_of(self, sources: Sequence[Source]) -> tuple[Experiment, ...]:
        """Return the experiments that the only file among some sources belongs to; none if it can only stand alone."""
        if len(sources) != 1 or not isinstance(file := sources[0], FileSource):
            return ()
        try:
            text = decode(read_regular(file.path), file.name)
        except (OSError, ConfigError):
            return ()  # loading it reports that
        from lighter_cli.checking.experiments import experiments_of  # only `--each` asks

        return experiments_of(file.path, text, self._settings)

    def _check_alone(self, name: str, sources: Sequence[Source], overrides: Sequence[OverrideSource]) -> CheckResult:
        try:
            return self._result((name,), [*sources, *overrides], may_be_fragment=True)
        except ConfigError as error:
            doubt = deletes_from_another(sources, error) if not overrides else None
            return CheckResult(words=(name,), findings=error.findings if doubt is None else (doubt,))

    def _parsed(self, inputs: Sequence[Input]) -> list[Source]:
        return parse_sources(inputs, from_command_line=True, look_up_run=self._look_up_run)

    def _result(
        self, words: tuple[str, ...], sources: Sequence[Source], *, may_be_fragment: bool = False
    ) -> CheckResult:
        return self.check_config(load(sources), words, may_be_fragment=may_be_fragment)

    def check_config(self, config: Config, words: tuple[str, ...], *, may_be_fragment: bool = False) -> CheckResult:
        """Check a config that is loaded already.

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
            targets=targets.answers,
            is_fragment=is_part,
            shapes=shapes,
        )

    def reader_of(self, config: Config) -> SignatureReader:
        """Return the reader of a config's targets."""
        return self._reader(find_project(config)[0])

    def remove_old_answers(self) -> None:
        """Keep the newest answers about targets only, on the disk of the user."""
        for reader in [*self._readers.values()][:1]:  # all keep theirs in one folder
            reader.remove_old_answers()

    def code_is_current(self) -> bool:
        """Return whether no file has changed that targets were read from."""
        return all(reader.is_current() for reader in self._readers.values())

    def _reader(self, project: Project | None) -> SignatureReader:
        folder = project.folder if project is not None else None
        kind = SignatureReader
        if self._deep:
            from lighter_cli.checking.deep_reader import DeepReader
            from lighter_cli.project import make_targets_importable

            kind = DeepReader
            make_targets_importable(project)
        if folder not in self._readers:
            self._readers[folder] = reader_in(project, kind)
        return self._readers[folder]


class _Targets:
    """A check without findings: it collects the answer of reading each target."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        for component in context.components:
            if component.target is not None:
                answer = context.reader.read(component.target)
                if context.is_fragment and isinstance(answer, DoesNotExist) and answer.missing == "project":
                    answer = Unknown(component.target, "another file names the folder of the project")
                self.answers[component.target] = answer
        return iter(())


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether a finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


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


def _of_word(finding: Finding, number: int) -> Finding:
    place = finding.place
    return finding if place is None or place.word is None else replace(finding, place=replace(place, word=number))


def _position(finding: Finding) -> tuple[bool, str, int, int, int]:
    place = finding.place
    if place is None:
        return (False, "", 0, 0, 0)
    return (place.word is not None, place.source, place.word or 0, place.line or 0, place.column or 0)
