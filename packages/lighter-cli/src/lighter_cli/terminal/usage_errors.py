"""Say what is wrong with the words of a command as all other mistakes are said, in place of Cyclopts' own sentences."""

from collections.abc import Iterable
from enum import Enum
from typing import Any, get_args

from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)

from lighter_cli.terminal.earlier_options import explain
from lighter_config import Finding
from lighter_config.suggestions import nearest_names
from lighter_config.tree.credentials import without_secrets


def finding_of(error: CycloptsError) -> Finding:
    """Return the finding of words that are not a command, or not what the command takes."""
    match error:
        case UnknownCommandError():
            return _unknown_command(error)
        case UnknownOptionError():
            return _unknown_option(error)
        case CoercionError() if error.token is not None:
            return _invalid_value(error)
        case MissingArgumentError() if error.argument is not None:
            return _missing(error)
        case ValidationError() if error.exception_message:
            return Finding(message=error.exception_message, fix="remove one of them")
        case UnusedCliTokensError():
            return _too_many(error)
        case RepeatArgumentError():
            return Finding(message=f"{error.token.keyword} is given twice", fix="remove one of the two")
    message, _, rest = str(error).partition(". ")
    return Finding(message=message[:1].lower() + message[1:].rstrip("."), fix=rest or f"see {_command(error)} --help")


def _command(error: CycloptsError) -> str:
    return " ".join(("lighter", *(error.command_chain or ())))


def _unknown_command(error: UnknownCommandError) -> Finding:
    (word, *_) = error.unused_tokens or [""]
    names = [name for name in (error.app or ()) if not name.startswith("-")]
    nearest = nearest_names(word, names, count=1)
    fix = f"write {_command(error)} {nearest[0]}" if nearest else f"see {_command(error)} --help"
    return Finding(message=f"unknown command {word!r}", expected=tuple(names), nearest=nearest, fix=fix)


def _unknown_option(error: UnknownOptionError) -> Finding:
    word = error.token.keyword or error.token.value
    names = [name for argument in error.argument_collection if argument.parse for name in argument.names]
    if earlier := explain(word, error.root_input_tokens or (), names):
        return earlier
    options = sorted(name for name in names if name.startswith("--") and "_" not in name)
    nearest = nearest_names(word.partition("=")[0], options, count=1)
    fix = f"write {nearest[0]}, or see {_command(error)} --help" if nearest else f"see {_command(error)} --help"
    return Finding(message=f"{_command(error)} has no option {without_secrets(word)}", nearest=nearest, fix=fix)


def _too_many(error: UnusedCliTokensError) -> Finding:
    """Say that a word is one too many, with the option that takes it as a value."""
    (word, *_) = error.unused_tokens or [""]
    arguments = [] if error.app is None else list(error.app.assemble_argument_collection())
    names = [argument.name.lstrip("-").upper() for argument in arguments if argument.index is not None]
    options = {
        value: f"{argument.name} {value}"
        for argument in arguments
        if argument.index is None
        for value in _choices(argument.hint)
    }
    nearest = tuple(options[value] for value in nearest_names(word, options, count=1))
    fix = f"write {nearest[0]}, or see {_command(error)} --help" if nearest else f"see {_command(error)} --help"
    number = {1: "no argument", 2: "no second argument"}.get(len(names) + 1, "no further argument")
    message = f"{_command(error)} has {number}, got {without_secrets(word)!r}"
    return Finding(message=message, expected=(" ".join(names),) * bool(names), nearest=nearest, fix=fix)


def _invalid_value(error: CoercionError) -> Finding:
    assert error.token is not None
    choices = _choices(error.target_type)
    given = error.token.value
    name = error.token.keyword or (error.argument.name.lstrip("-").upper() if error.argument is not None else "a word")
    kind = getattr(error.target_type, "__name__", str(error.target_type))
    expected = choices or ((f"a value of type {kind}",) if error.target_type is not None else ())
    return Finding(
        message=f"invalid value {given!r} for {name}",
        expected=expected,
        nearest=nearest_names(given, choices),
        fix=f"see {_command(error)} --help",
    )


def _choices(kind: Any) -> tuple[str, ...]:
    values: Iterable[Any] = kind if isinstance(kind, type) and issubclass(kind, Enum) else get_args(kind)
    return tuple(value.value if isinstance(value, Enum) else value for value in values if isinstance(value, str))


def _missing(error: MissingArgumentError) -> Finding:
    assert error.argument is not None
    name = error.argument.name
    meaning = (error.argument.parameter.help or "").strip().rstrip(".")
    meaning = meaning[:1].lower() + meaning[1:]
    if error.keyword is not None or any(token.keyword for token in error.argument.tokens):
        message = f"{error.keyword or name} needs a value, which is missing"
    else:
        message = f"{_command(error)} needs {name}, which is missing"
    return Finding(message=message, expected=(meaning,) if meaning else (), fix=f"see {_command(error)} --help")
