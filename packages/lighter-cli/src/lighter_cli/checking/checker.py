"""Check experiments, for the command and for pytest, without building anything."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from platformdirs import user_cache_path

import lighter_config
from lighter_cli.checking.experiment import Experiment
from lighter_cli.checking.kept_results import KeptResults
from lighter_cli.checking.readers import Readers
from lighter_cli.checking.result import CheckResult, Follow, has_errors
from lighter_cli.checking.settings import Settings
from lighter_config import ConfigError, FileSource, Finding, OverrideSource, Source, SourceError, Stage
from lighter_config.regular_files import read_regular
from lighter_config.sources.decoding import decode
from lighter_config.sources.words import LookUpRun, parse_sources
from lighter_config.tree.credentials import without_secrets

if TYPE_CHECKING:
    from lighter_cli.checking.config_checker import ConfigChecker

Input: TypeAlias = str | os.PathLike[str]

_Alone: TypeAlias = tuple[str, list[Source] | ConfigError]
"""An input, and its sources, or why it has none."""

_Piece: TypeAlias = tuple[str, list[Source] | ConfigError | Experiment]
"""What is checked by itself: an input, or an experiment that a table or the first line of a file names."""

_NOTHING = Finding(message="no config given", fix="name one: lighter check config.yaml")
_NOTHING_OF_EACH = Finding(
    message="no config given",
    fix="name one: lighter check --each config.yaml; or list experiments in [tool.lighter.experiments]",
)


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
        self._readers = Readers(_deep_reader()) if deep else Readers()
        self._keeps = not (deep or safe or follow is not None)  # what is imported can look at anything

    @cached_property
    def _of_configs(self) -> "ConfigChecker":
        from lighter_cli.checking.config_checker import ConfigChecker  # kept results need none of it

        return ConfigChecker(
            self._stages,
            readers=self._readers,
            deep=self._deep,
            safe=self._safe,
            allow=self._allow,
            follow=self._follow,
            settings=self._settings,
        )

    def check(self, inputs: Sequence[Input]) -> CheckResult:
        """Check the one experiment that all inputs make; an input that cannot be read is a finding."""
        names = tuple(os.fspath(given) for given in inputs)
        if not inputs:
            return CheckResult(words=names, findings=(_NOTHING,))
        try:
            return self._result(names, self._parsed(inputs), self._kept_results())
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

        check_piece = partial(self._piece, overrides, self._kept_results())
        if self._deep or self._follow is not None:  # which import what must not be forked
            yield from map(check_piece, pieces)
        else:
            yield from shared(lambda some: [*map(check_piece, some)], pieces)

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

    def _piece(self, overrides: Sequence[OverrideSource], kept: KeptResults | None, piece: _Piece) -> CheckResult:
        name, given = piece
        if isinstance(given, Experiment):
            return self._check_named(given, overrides, kept)
        if isinstance(given, ConfigError):
            return CheckResult(words=(name,), findings=given.findings)
        return self._check_alone(name, given, overrides, kept)

    def check_experiment(self, experiment: Experiment) -> CheckResult:
        """Check an experiment that a table or the first line of a file names."""
        return self._check_named(experiment, (), self._kept_results())

    def _check_named(
        self, experiment: Experiment, overrides: Sequence[OverrideSource], kept: KeptResults | None
    ) -> CheckResult:
        try:
            if experiment.findings:
                raise SourceError(*experiment.findings)
            result = self._result(experiment.words, [*experiment.sources(), *overrides], kept)
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

    def _check_alone(
        self, name: str, sources: Sequence[Source], overrides: Sequence[OverrideSource], kept: KeptResults | None
    ) -> CheckResult:
        try:
            return self._result((name,), [*sources, *overrides], kept, may_be_fragment=True)
        except ConfigError as error:
            from lighter_cli.checking.config_checker import deletes_from_another

            doubt = deletes_from_another(sources, error) if not overrides else None
            return CheckResult(words=(name,), findings=error.findings if doubt is None else (doubt,))

    def _parsed(self, inputs: Sequence[Input]) -> list[Source]:
        return parse_sources(inputs, from_command_line=True, look_up_run=self._look_up_run)

    def _result(
        self,
        words: tuple[str, ...],
        sources: Sequence[Source],
        kept: KeptResults | None,
        *,
        may_be_fragment: bool = False,
    ) -> CheckResult:
        def work_out() -> CheckResult:
            return self._of_configs.check(lighter_config.load(sources), words, may_be_fragment=may_be_fragment)

        if kept is None or not all(isinstance(source, FileSource) for source in sources):
            return work_out()  # an override can be a secret, which no file may keep
        return kept.result(words, [self._stages, may_be_fragment], work_out)

    def _kept_results(self) -> KeptResults | None:
        if not self._keeps:
            return None
        return KeptResults(user_cache_path("lighter") / "checks", self._readers, self._settings)


def _deep_reader() -> "type[lighter_config.SignatureReader]":
    from lighter_cli.checking.deep_reader import DeepReader  # few checks import targets

    return DeepReader


def _of_word(finding: Finding, number: int) -> Finding:
    place = finding.place
    return finding if place is None or place.word is None else replace(finding, place=replace(place, word=number))
