"""What checking an experiment has shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from lighter_config import Finding, Severity, Stage

if TYPE_CHECKING:
    from lighter_config import Config, SignatureReader


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


Follow: TypeAlias = Callable[["Config", Sequence[Stage], "SignatureReader"], FollowedBatch]
"""Lets a described batch pass through the steps of some stages."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What is known of the targets of an experiment.

    Attributes:
        num_known: The number of those whose arguments are known.
        missing: Those that do not exist.
        unknown: Those whose source does not tell what they take, and why.
    """

    num_known: int = 0
    missing: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of checking one experiment, or one fragment.

    Attributes:
        words: The inputs that it was loaded from, as the command line had them.
        findings: The findings, in the order of their places.
        experiment: The name of the experiment that a table or a first line gave, of which its file is a part.
        stages: The stages that it was checked for; empty when all sections were checked, for no stage.
        stages_of: The stages that each finding holds for.
        targets: What is known of its targets.
        is_fragment: Whether it was checked as a part of an experiment.
        shapes: What a described batch has shown; ``None`` if it was not followed.
    """

    words: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    experiment: str = ""
    stages: tuple[Stage, ...] = ()
    stages_of: Mapping[Finding, tuple[Stage, ...]] = field(default_factory=dict)
    targets: Targets = Targets()
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


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether a finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
