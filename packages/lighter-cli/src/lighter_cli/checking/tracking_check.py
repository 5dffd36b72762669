"""An MLFlowLogger that writes where MLflow does not: found before anything is built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lighter_config import CheckContext, Finding, Severity, is_computed, is_copy

_ADDRESS = "MLFLOW_TRACKING_URI"
_ALLOWED = "MLFLOW_ALLOW_FILE_STORE"
_NUM_BEFORE_URI = 2  # arguments of MLFlowLogger
_WITHOUT_SCHEME = ("databricks", "databricks-uc", "uc")


@dataclass(frozen=True, slots=True)
class TrackingCheck:
    """Report an MLFlowLogger that writes into a folder, as it does without a ``tracking_uri``: MLflow refuses it.

    MLflow 3.17 does, unless ``MLFLOW_ALLOW_FILE_STORE`` is true.

    Attributes:
        environ: The environment variables; one of them is Lightning's default.
    """

    environ: Mapping[str, str]

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the findings."""
        if self.environ.get(_ALLOWED, "").lower() in ("true", "1"):
            return
        for component in context.components:
            if component.path[:2] != ("trainer", "logger") or component.short_name != "MLFlowLogger":
                continue
            if component.positional is None and "tracking_uri" not in component.keywords:
                continue  # its positional arguments are computed, so the check does not know them
            default = next(iter((component.positional or ())[_NUM_BEFORE_URI:]), self.environ.get(_ADDRESS))
            address = component.keywords.get("tracking_uri", default)
            if not address:
                message = "MLFlowLogger has no tracking_uri, and MLflow refuses its default"
                fix = f"give tracking_uri: sqlite:///mlflow.db, or set {_ADDRESS}"
            elif _is_folder(address):
                message = f"MLFlowLogger writes into the folder {address!r}, which MLflow refuses"
                fix = "give tracking_uri: sqlite:///mlflow.db; `mlflow migrate-filestore` takes earlier runs over"
            else:
                continue
            yield context.finding(
                component.path,
                message,
                severity=Severity.WARNING,
                expected=["a database file such as sqlite:///mlflow.db, or the address of a server"],
                fix=fix,
            )


def _is_folder(address: Any) -> bool:
    if not isinstance(address, str) or is_computed(address) or is_copy(address):
        return False
    return address.startswith("file:") or (":" not in address and address not in _WITHOUT_SCHEME)
