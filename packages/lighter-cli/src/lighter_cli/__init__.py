"""The command line of Lighter, and the same road from Python: ``Runner().run("fit", ["config.yaml"])``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lighter_cli.runner import Runner

__all__ = ["Runner"]


def __getattr__(name: str) -> Any:
    # `lighter --help` imports this package; the runner comes with what it needs only when it is asked for
    if name == "Runner":
        from lighter_cli.runner import Runner

        return Runner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
