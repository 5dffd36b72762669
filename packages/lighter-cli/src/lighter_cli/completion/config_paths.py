"""Complete paths in a config, with the names of the arguments that the targets in it take."""

from collections.abc import Iterator, Sequence
from typing import Any

from lighter_cli.describing.takers import arguments_for, target_at
from lighter_cli.describing.values import values_of
from lighter_cli.inspecting.merged_inputs import look_up_run
from lighter_config import Config, ConfigError, format_path, load, parse_path
from lighter_config.project import reader_for
from lighter_config.sections import SWEEP
from lighter_config.signatures import Parameter
from lighter_config.sources.dimensions import SIGN
from lighter_config.space.settings import KEYS

_SEPARATOR = "::"
_DIMENSIONS = (f"{SWEEP}::over::", f"{SWEEP}::repeat::")


def config_words(experiment: Sequence[str], text: str) -> Iterator[str]:
    """Complete an override of an experiment: ``path=value``, ``=path=value`` or ``~path``."""
    sign = text[:1] if text[:1] in ("~", "=") else ""
    path, equals, value = text.removeprefix(sign).partition("=")
    config = _load(experiment)
    if config is None:
        return
    if equals and sign != "~":
        yield from (f"{sign}{path}={candidate} " for candidate in _values(config, path) if candidate.startswith(value))
    elif sign == "~":
        yield from (f"~{candidate}" for candidate in _paths(config, path, with_arguments=False))
    else:
        for candidate in _paths(config, path):
            yield f"{sign}{candidate[:-1]}=" if candidate.endswith(" ") else f"{sign}{candidate}"


def dimension_words(experiment: Sequence[str], text: str) -> Iterator[str]:
    """Complete a word of ``lighter sweep``: an override, or a dimension ``path:=``."""
    for candidate in config_words(experiment, text):
        yield candidate
        if candidate.endswith("=") and not candidate.startswith(("~", "=", f"{SWEEP}{_SEPARATOR}")):
            yield f"{candidate[:-1]}{SIGN}"


def paths_in(experiment: Sequence[str], text: str) -> Iterator[str]:
    """Complete a path in an experiment."""
    config = _load(experiment)
    if config is not None:
        yield from _paths(config, text)


def _load(experiment: Sequence[str]) -> Config | None:
    """Load the experiment, or only its files if an override is not valid yet; ``None`` if that fails too."""
    words = [word for word in experiment if word != "-"]  # standard input is the terminal here
    for tried in (words, [word for word in words if "=" not in word]):
        try:
            return load(tried, strict=False, look_up_run=look_up_run).expanded() if tried else None
        except ConfigError:
            continue
    return None


def _paths(config: Config, text: str, *, with_arguments: bool = True) -> Iterator[str]:
    """Complete a path; a candidate for a value ends in a space, a candidate for a section in ``::``."""
    holder, separator, _ = text.rpartition(_SEPARATOR)
    for section in _DIMENSIONS:  # they have the paths of the config
        if text.startswith(section):
            below = _paths(config, text.removeprefix(section), with_arguments=with_arguments)
            yield from (f"{section}{path}" for path in below if not path.startswith(f"{SWEEP}{_SEPARATOR}"))
    inside = _held(config, holder)
    for name, value in inside.items():
        path = f"{holder}{separator}{name}"
        if isinstance(value, dict | list) and value:
            yield f"{path}{_SEPARATOR}"
            if not with_arguments:
                yield f"{path} "
        else:
            yield f"{path} "
    if with_arguments:
        names = [argument.name for argument in _arguments(config, holder)]
        if holder == SWEEP:
            names += KEYS
        yield from (f"{holder}{separator}{name} " for name in names if name not in inside)


def _held(config: Config, holder: str) -> dict[str, Any]:
    value = config.get(holder, None)
    if isinstance(value, dict):
        return {format_path((key,)): item for key, item in value.items()}
    if isinstance(value, list):
        names = [item.get("_name_") if isinstance(item, dict) else None for item in value]
        named = {name: item for name, item in zip(names, value, strict=True) if isinstance(name, str)}
        return {**named, **{str(index): item for index, item in enumerate(value)}}
    return {}


def _arguments(config: Config, holder: str) -> list[Parameter]:
    """Return the keyword arguments of the target at a path; none if its source does not tell them."""
    path = parse_path(holder) if holder else ()
    target = target_at(config, path)
    return arguments_for(target, path, reader_for(config)) if target is not None else []


def _values(config: Config, path: str) -> list[str]:
    """Return the values that the annotation of an argument lists."""
    holder, _, name = path.rpartition(_SEPARATOR)
    for argument in _arguments(config, holder):
        if argument.name == name:
            return list(dict.fromkeys(values_of(argument)))
    value = config.get(path, None)
    return ["true", "false"] if isinstance(value, bool) else []
