"""Set up what is global in a ``lighter`` process: logging, warnings and errors. Only ``main`` calls it."""

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lighter_cli.terminal.control_characters import escaped

# packages whose frames tell users nothing about a mistake in their code
_OWN_PACKAGES = (
    "lighter_cli",
    "lighter_config",
    "lighter",
    "sparkwheel",
    "cyclopts",
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "torch",
)

_full_tracebacks = False
_is_command = False


def configure() -> None:
    """Send log messages and warnings to standard error, one plain line each, unwrapped and unstyled."""
    level = logging.DEBUG if _debug() else logging.INFO if is_first_rank() else logging.ERROR
    handler = _MessageHandler()
    handler.setFormatter(_LevelFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for package in ("lighter", "lighter_cli", "lighter_config"):
        logging.getLogger(package).setLevel(level)
    handler.addFilter(_is_not_advertisement)
    warnings.showwarning = _show_warning
    # a System has every step, so having no validation data is not a mistake
    warnings.filterwarnings("ignore", message="You defined a `(validation|test)_step` but have no")
    # users cannot fix what Lightning and torchmetrics must change for a newer torch
    for category in (FutureWarning, DeprecationWarning):
        warnings.filterwarnings(
            "ignore", category=category, module=r"(pytorch_lightning|lightning_fabric|lightning|torchmetrics)\b"
        )


def print_messages_once() -> None:
    """Remove the handler that the package ``lightning`` adds when it is imported: ours prints its messages."""
    logger = logging.getLogger("lightning")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def show_full_tracebacks(shown: bool) -> None:
    """Show all frames of later errors, including those of Lighter and Lightning."""
    global _full_tracebacks
    _full_tracebacks = shown


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Print an error raised inside and exit: 1 for a failure, 2 for an unknown command or option, 130 by a signal."""
    global _is_command
    before, _is_command = _is_command, True
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        sys.stdout.flush()
        print(_render(error), file=sys.stderr)
        raise SystemExit(2 if _is_usage_error(error) else 1) from None
    finally:
        _is_command = before


def is_command() -> bool:
    """Return whether a command runs, whose errors are printed; else Python code calls Lighter."""
    return _is_command


def print_errors(errors: Iterable[Exception]) -> None:
    """Print errors that end nothing, as ``reporting_errors`` prints the one that ends the process."""
    for error in errors:
        print(_render(error), file=sys.stderr)


def _is_usage_error(error: Exception) -> bool:
    """Return whether the words are not a command, or not what the command takes."""
    cyclopts_errors = sys.modules.get("cyclopts.exceptions")
    return cyclopts_errors is not None and isinstance(error, cyclopts_errors.CycloptsError)


def _render(error: Exception) -> str:
    if _is_usage_error(error):
        from lighter_cli.terminal.usage_errors import finding_of

        return escaped(f"error: {finding_of(error)}")  # type: ignore[arg-type]
    if _full_tracebacks or _debug():
        return _traceback(error)
    # a package that was never imported cannot have raised its error
    config_errors, core_errors = sys.modules.get("lighter_config.errors"), sys.modules.get("lighter.errors")
    if config_errors is not None and isinstance(error, config_errors.ConfigError):
        texts = [f"{finding.severity}: {finding}" for finding in error.findings]
    elif core_errors is not None and isinstance(error, core_errors.LighterError):
        texts = [f"error: {error}"]
    else:
        return _traceback(error)
    return escaped("\n\n".join(texts) + "".join(f"\n{note}" for note in _notes(error)))


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _traceback(error: Exception) -> str:
    report = traceback.TracebackException.from_exception(error)
    if _full_tracebacks or _debug():
        return "".join(report.format()).rstrip()
    num_hidden = _hide_own_frames(report)
    text = "".join(report.format()).rstrip()
    if num_hidden:
        text += f"\n({num_hidden} frames of Lighter, Lightning and torch hidden; --traceback shows them)"
    return text


def _hide_own_frames(report: traceback.TracebackException | None) -> int:
    """Remove the frames of Lighter, Lightning and torch from a report and its causes; return their number."""
    if report is None:
        return 0
    # an assertion without a message has only its line to show
    kept = report.stack[-1:] if not str(report) else []
    shown = [frame for frame in report.stack if frame in kept or not _is_own(frame.filename)]
    num_hidden = len(report.stack) - len(shown)
    report.stack = traceback.StackSummary.from_list(shown)
    if not shown:
        report.stack = None  # type: ignore[assignment]  # this leaves out the line above the frames
    return num_hidden + _hide_own_frames(report.__cause__) + _hide_own_frames(report.__context__)


def _is_own(filename: str) -> bool:
    if filename.startswith("<frozen"):
        return True
    modules = (sys.modules.get(name) for name in _OWN_PACKAGES)
    folders = [Path(module.__file__).parent for module in modules if module is not None and module.__file__]
    return any(Path(filename).is_relative_to(folder) for folder in folders)


def _debug() -> bool:
    return os.environ.get("LIGHTER_DEBUG", "") not in ("", "0")


def is_first_rank() -> bool:
    """Return whether this process is rank zero; each launcher sets some of these variables."""
    names = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
    return all(os.environ.get(name, "0") == "0" for name in names)


def _is_not_advertisement(record: logging.LogRecord) -> bool:
    # Lightning 2.6 recommends a hosted service at every start
    return not record.getMessage().startswith("💡 Tip:")


def _say(text: str) -> None:
    """Print to standard error, unwrapped and unstyled, and above Rich's progress bar if one is shown."""
    if not hasattr(sys.stderr, "rich_proxied_file"):
        print(text, file=sys.stderr)
        return
    # text written directly to the terminal would follow the bar on its line, or be overwritten by it
    import rich
    from rich.text import Text

    rich.get_console().print(Text(text), soft_wrap=True)


class _MessageHandler(logging.Handler):
    """Print each message to the current standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _say(self.format(record))
        except Exception:
            self.handleError(record)


class _LevelFormatter(logging.Formatter):
    """Format an info message as it is, and others with their level in front."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        if record.name.partition(".")[0] in ("lighter", "lighter_cli", "lighter_config"):
            message = escaped(message)  # other libraries may colour theirs
        return message if record.levelno == logging.INFO else f"{record.levelname.lower()}: {message}"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,  # noqa: ARG001
) -> None:
    text = f"warning: {message} ({category.__name__}, {filename}:{lineno})"
    if file is None:
        _say(text)
    else:
        print(text, file=file)
