"""Check the space of a sweep: the config of a trial for both ends of each range, and for each choice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from lighter_config.checks import DEFAULT_CHECKS, check
from lighter_config.checks.context import Check
from lighter_config.checks.objectives import ObjectiveCheck
from lighter_config.checks.shared_folders import check_shared_folders
from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.project import reader_for
from lighter_config.sections import SWEEP
from lighter_config.signatures import SignatureReader
from lighter_config.space import Assignment, Space, trial_config
from lighter_config.space.cases import Case, cases_of, identity_of, in_cases, usual_value
from lighter_config.space.space import Chosen
from lighter_config.stages import Stage
from lighter_config.tree.node import Node

_COMPONENTS = ("sampler", "pruner")


def check_space(
    space: Space, *, reader: SignatureReader | None = None, checks: Iterable[Check] = DEFAULT_CHECKS
) -> list[Finding]:
    """Report what is wrong with the trials of a space, and what may be; nothing is imported or built.

    Checked is a trial for each end of each range, and for each choice. For everything else it has what the config has,
    or the first choice. So a mistake that only two choices together make is not found.

    Args:
        space: The space.
        reader: Reads targets; by default one that finds the config's project.
        checks: The checks of the config of a trial.

    Returns:
        The findings about all trials, then those about some, whose ``case`` says which. What several trials share is
        one finding.
    """
    reader = reader or reader_for(space.config)
    given = [*checks]
    checks = [*given, ObjectiveCheck(space), check_shared_folders]
    dimensions = (*space.dimensions, *space.repeats)
    trials = {one.name: usual_value(space, one) for one in dimensions}
    usual = _checked(space, trials, reader, checks)
    tally = _Tally()
    tally.add(None, usual)
    for dimension in dimensions:
        for case, other in cases_of(dimension):
            if other == trials[dimension.name]:
                tally.add(case, usual)
            elif (found := _checked(space, {**trials, dimension.name: other}, reader, checks)) is not None:
                tally.add(case, found)
    components = chain.from_iterable(_about_component(space.config, key, reader, given) for key in _COMPONENTS)
    return [*space.notes, *components, *tally.findings()]


@dataclass(slots=True)
class _Tally:
    """Which findings hold in which cases.

    Attributes:
        found: Each finding, by what makes it the same in several cases.
        usual: The findings of the usual trial.
        holds: The cases in which a finding is found.
        lacks: The cases in which a finding of the usual trial is not found.
    """

    found: dict[object, Finding] = field(default_factory=dict)
    usual: set[object] = field(default_factory=set)
    holds: dict[object, list[Case]] = field(default_factory=dict)
    lacks: dict[object, list[Case]] = field(default_factory=dict)

    def add(self, case: Case | None, findings: Iterable[Finding] | None) -> None:
        """Count the findings of one case; ``None`` for the usual trial."""
        keys = {identity_of(finding): finding for finding in findings or ()}
        for key, finding in keys.items():
            self.found.setdefault(key, finding)
            if case is None:
                self.usual.add(key)
            else:
                self.holds.setdefault(key, []).append(case)
        for key in self.usual - set(keys):
            if case is not None:
                self.lacks.setdefault(key, []).append(case)

    def findings(self) -> list[Finding]:
        """Return each finding once, with the cases in which it holds; those that hold in all come first."""
        named = [in_cases(finding, self._causes(key)) for key, finding in self.found.items()]
        return sorted(named, key=lambda finding: bool(finding.case))

    def _causes(self, key: object) -> list[Case]:
        """Return the cases that a finding is due to; none if it holds whatever the trial has."""
        holds = self.holds.get(key, [])
        if key not in self.usual:
            return holds
        decisive = {case.dimension.name for case in self.lacks.get(key, ())}
        return [case for case in holds if case.dimension.name in decisive]


def _checked(
    space: Space, trial: Mapping[str, Chosen], reader: SignatureReader, checks: Sequence[Check]
) -> list[Finding] | None:
    """Return the findings of one trial; ``None`` if ``where`` leaves it out."""
    of_trial = Assignment(tuple(chain.from_iterable(trial[one.name] for one in space.dimensions)))
    of_repeat = Assignment(tuple(chain.from_iterable(trial[one.name] for one in space.repeats)))
    try:
        if not space.is_allowed(of_trial):
            return None
        config = trial_config(space.config, space, of_trial, of_repeat)
        return check(config, Stage.FIT, reader=reader, checks=checks)
    except ConfigError as error:
        return list(error.findings)


def _about_component(config: Config, key: str, reader: SignatureReader, checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield the findings about the component of a sampler or a pruner."""
    section = config._root.value.get(SWEEP)
    node: Node | None = None if section is None else section.value.get(key)
    if node is not None and node.is_mapping:
        alone = config._with_root(config._root.like({key: node}), whole=None)
        yield from check(alone, reader=reader, is_fragment=True, checks=checks)
