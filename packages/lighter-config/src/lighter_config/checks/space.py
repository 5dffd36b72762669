"""Check the space of a sweep: the config of a trial for both ends of each range, and for each choice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from lighter_config.space import Assignment, Choice, Dimension, Range, Space, trial_config
from lighter_config.space.first_trials import as_it_stands
from lighter_config.space.space import Chosen
from lighter_config.stages import Stage
from lighter_config.tree.node import Node
from lighter_config.tree.paths import SEPARATOR

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
    trials = {one.name: _usual(space, one) for one in dimensions}
    usual = _checked(space, trials, reader, checks)
    tally = _Tally()
    tally.add(None, usual)
    for dimension in dimensions:
        for text, other in _cases(dimension):
            case = _Case(dimension, text)
            if other == trials[dimension.name]:
                tally.add(case, usual)
            elif (found := _checked(space, {**trials, dimension.name: other}, reader, checks)) is not None:
                tally.add(case, found)
    components = chain.from_iterable(_about_component(space.config, key, reader, given) for key in _COMPONENTS)
    return [*space.notes, *components, *tally.findings()]


@dataclass(frozen=True, slots=True)
class _Case:
    """One value of one dimension, and its name in messages; of a choice that is its number."""

    dimension: Dimension
    text: str

    @property
    def choice(self) -> Choice | None:
        """The choice; ``None`` for the end of a range."""
        return self.dimension.choices[int(self.text) - 1] if self.text.isdecimal() else None


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
    holds: dict[object, list[_Case]] = field(default_factory=dict)
    lacks: dict[object, list[_Case]] = field(default_factory=dict)

    def add(self, case: _Case | None, findings: Iterable[Finding] | None) -> None:
        """Count the findings of one case; ``None`` for the usual trial."""
        keys = {_identity(finding): finding for finding in findings or ()}
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
        named = [_in(finding, self._causes(key)) for key, finding in self.found.items()]
        return sorted(named, key=lambda finding: bool(finding.case))

    def _causes(self, key: object) -> list[_Case]:
        """Return the cases that a finding is due to; none if it holds whatever the trial has."""
        holds = self.holds.get(key, [])
        if key not in self.usual:
            return holds
        decisive = {case.dimension.name for case in self.lacks.get(key, ())}
        return [case for case in holds if case.dimension.name in decisive]


def _identity(finding: Finding) -> object:
    return (finding.message, finding.severity, finding.path, finding.expected, finding.nearest)


def _usual(space: Space, dimension: Dimension) -> Chosen:
    """Return what the config has for a dimension; the first value of the space if it has another one."""
    return as_it_stands(space.config, [dimension]).chosen or next(_cases(dimension))[1]


def _cases(dimension: Dimension) -> Iterator[tuple[str, Chosen]]:
    """Yield both ends of a range, or each choice with the low ends inside it and then each high end."""
    domain = dimension.domain
    if isinstance(domain, Range):
        yield f"the low end of {dimension.path}", ((dimension, domain.low),)
        yield f"the high end of {dimension.path}", ((dimension, domain.largest),)
        return
    for number, choice in enumerate(domain, start=1):
        lows: list[tuple[Dimension, int | float]] = [(one, _range(one).low) for one in choice.dimensions]
        yield f"{number}", ((dimension, choice), *lows)
        for index, inside in enumerate(choice.dimensions):
            values = [*lows[:index], (inside, _range(inside).largest), *lows[index + 1 :]]
            yield f"the high end of {inside.path} in choice {number}", ((dimension, choice), *values)


def _range(dimension: Dimension) -> Range:
    assert isinstance(dimension.domain, Range)  # a choice has only ranges inside
    return dimension.domain


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


def _in(finding: Finding, cases: Sequence[_Case]) -> Finding:
    """Return a finding with the cases in which it holds; what is wrong in one choice is mended there."""
    fix = finding.fix
    for case in cases:
        below = finding.path.removeprefix(f"{case.dimension.path}{SEPARATOR}")
        if case.choice is not None and below != finding.path:
            is_given = isinstance(case.choice.value, dict) and below in case.choice.value
            mended = "remove it from the choice" if is_given else f"write `~{below}: null` in the choice"
            fix = fix.replace(f"remove it with ~{finding.path}", mended)
    return replace(finding, case=_named(cases), fix=fix)


def _named(cases: Sequence[_Case]) -> str:
    """Name cases: ``choices 2 and 3 of system::optimizer or the high end of system::optimizer::lr``."""
    names: list[str] = []
    for dimension in {case.dimension.name: case.dimension for case in cases}.values():
        texts = [case.text for case in cases if case.dimension is dimension]
        numbers = [text for text in texts if text.isdecimal()]
        others = [
            text
            for text in texts
            if not text.isdecimal() and text.rpartition(" ")[2] not in numbers  # which have it whatever is inside them
        ]
        if isinstance(dimension.domain, Range) and len(texts) > 1:
            others = [f"both ends of {dimension.path}"]
        if numbers:
            names.append(_choices(dimension, numbers))
        names += others
    return " or ".join(names)


def _choices(dimension: Dimension, numbers: Sequence[str]) -> str:
    where = dimension.path or dimension.name
    if len(numbers) == 1:
        label = dimension.choices[int(numbers[0]) - 1].label
        return f"choice {numbers[0]} of {where}: {label}"
    return f"choices {', '.join(numbers[:-1])} and {numbers[-1]} of {where}"


def _about_component(config: Config, key: str, reader: SignatureReader, checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield the findings about the component of a sampler or a pruner."""
    section = config._root.value.get(SWEEP)
    node: Node | None = None if section is None else section.value.get(key)
    if node is not None and node.is_mapping:
        alone = config._with_root(config._root.like({key: node}), whole=None)
        yield from check(alone, reader=reader, is_fragment=True, checks=checks)
