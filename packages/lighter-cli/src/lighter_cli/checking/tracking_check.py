"""An MLFlowLogger that writes where MLflow does not: found before anything is built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lighter_config import CheckContext, Finding, Severity

_VARIABLE = "MLFLOW_TRACKING_URI"
_NUM_BEFORE_URI = 2  # arguments of MLFlowLogger


@dataclass(frozen=True, slots=True)
class TrackingCheck:
    """Report an MLFlowLogger without a ``tracking_uri``: MLflow 3.17 refuses Lightning's default, ``file:./mlruns``.

    Attributes:
        environ: The environment variables; one of them is Lightning's default.
    """

    environ: Mapping[str, str]

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the findings."""
        if self.environ.get(_VARIABLE):
            return
        for component in context.components:
            is_given = "tracking_uri" in component.keywords or component.positional is None
            if component.path[:2] != ("trainer", "logger") or component.short_name != "MLFlowLogger":
                continue
            if is_given or len(component.positional or ()) > _NUM_BEFORE_URI:
                continue
            yield context.finding(
                component.path,
                "MLFlowLogger has no tracking_uri, and MLflow refuses its default",
                severity=Severity.WARNING,
                expected=["a database file such as sqlite:///mlflow.db, or the address of a server"],
                fix=f"give tracking_uri: sqlite:///mlflow.db, or set {_VARIABLE}",
            )
