"""``textDocument/hover``: what a target takes, what an argument is for, what set a value, what a reference gives."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types

from lighter_cli.describing.docstrings import read_documentation
from lighter_cli.describing.takers import Taker, taker_of
from lighter_cli.editor.pointed import Pointed, pointed_at
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Workspace
from lighter_cli.terminal.output import yaml_lines
from lighter_config import Config, ConfigError, DoesNotExist, Place, Signature, Unknown, format_path, load
from lighter_config.places import COMMAND_LINE
from lighter_config.regular_files import without_links
from lighter_config.signatures import Parameter, ParameterKind

_STARS = {ParameterKind.VAR_POSITIONAL: "*", ParameterKind.VAR_KEYWORD: "**"}
_MAX_LINES = 15
_WIDTH = 88


def hover(workspace: Workspace, file: Path, line: int, column: int) -> types.Hover | None:
    """Return what is known of a position, as Markdown; ``None`` where there is nothing to say."""
    pointed = pointed_at(workspace, file, line, column)
    if pointed is None:
        return None
    span: Span | None = pointed.entry.key if pointed.part == "key" else pointed.entry.value
    if pointed.reference is not None:
        text, span = "\n".join(_reference(workspace, pointed)), pointed.reference.span
    elif pointed.target is not None:
        text = "\n".join(_target(pointed, pointed.target))
    else:
        text = "\n\n".join(part for part in (_argument(pointed), _settings(pointed)) if part)
    if not text:
        return None
    where = workspace.units.range_of(workspace.lines(file), span) if span is not None else None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), where)


def _target(pointed: Pointed, target: str) -> Iterator[str]:
    answer = pointed.checked.reader.read(target)
    if isinstance(answer, DoesNotExist):
        yield answer.message + (f"; nearest: {', '.join(answer.nearest)}" if answer.nearest else "")
        return
    if isinstance(answer, Unknown):
        yield f"What `{target}` takes is not known without importing it: {answer.reason}."
        return
    yield "```python"
    yield from _call(answer)
    yield "```"
    summary = read_documentation(answer).summary
    if summary:
        yield ""
        yield summary
    yield ""
    yield f"{'class' if answer.is_class else 'function'}, {_link(answer.file, answer.line)}"


def _call(signature: Signature) -> Iterator[str]:
    name = ("class " if signature.is_class else "def ") + signature.target.rpartition(".")[2]
    arguments = [_declared(argument) for argument in signature.parameters]
    kinds = [argument.kind for argument in signature.parameters]
    if ParameterKind.KEYWORD_ONLY in kinds and ParameterKind.VAR_POSITIONAL not in kinds:
        arguments.insert(kinds.index(ParameterKind.KEYWORD_ONLY), "*")
    whole = f"{name}({', '.join(arguments)})"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"{name}("
    yield from (f"    {argument}," for argument in arguments)
    yield ")"


def _declared(argument: Parameter) -> str:
    text = _STARS.get(argument.kind, "") + argument.name
    text += f": {argument.annotation}" if argument.annotation else ""
    if argument.default is None:
        return text
    return f"{text} = {argument.default}" if argument.annotation else f"{text}={argument.default}"


def _argument(pointed: Pointed) -> str:
    """Say what the argument takes that a key names."""
    config = pointed.checked.config
    taker = taker_of(config, pointed.path, pointed.checked.reader) if config is not None else None
    if taker is None or taker.signature is None or taker.path != pointed.path:
        return ""
    if taker.argument is None:
        return (
            f"`{taker.name}` is taken by `**kwargs` of `{taker.target}`" if taker.signature.accepts_any_keyword else ""
        )
    return "\n".join(_of_argument(taker, taker.signature, taker.argument))


def _of_argument(taker: Taker, signature: Signature, argument: Parameter) -> Iterator[str]:
    yield "```python"
    yield _declared(argument)
    yield "```"
    text = read_documentation(signature).arguments.get(argument.name)
    if text:
        yield ""
        yield from textwrap.wrap(text, _WIDTH)
    yield ""
    required = ", required" if argument.required else ""
    yield f"argument of `{taker.target}`{required}, {_link(signature.file, signature.line)}"


def _settings(pointed: Pointed) -> str:
    """Say which places set a value, if there are several, or if it is a copy."""
    config, path = pointed.checked.config, format_path(pointed.path)
    part = _part_with(config, path)
    if part is None:
        return ""
    history = part.history(path)
    if len(history) < 2 and not any(place.via for place, *_ in history):
        return ""
    lines = ["set by, newest first:", ""]
    for place, text, effect in history:
        lines.append(f"- {_place(place)} `{text}`" + (f", {effect}" if effect else ""))
    return "\n".join(lines)


def _part_with(config: Config | None, path: str) -> Config | None:
    if config is None:
        return None
    return next((part for part in (config, config.expanded()) if part.has(path)), None)


def _reference(workspace: Workspace, pointed: Pointed) -> Iterator[str]:
    written, config = pointed.reference, pointed.checked.config
    if written is None:
        return
    if written.other_file is not None:
        config = _read(workspace, written.other_file)
    yield f"`{written.reference}`"
    path = format_path(written.target)
    part = _part_with(config, path)
    if part is None:
        if written.reference.default is not None:
            yield f"does not exist, so its default `{written.reference.default}` is used"
        return
    yield ("gives the built value of" if written.reference.kind == "@" else "copies") + ":"
    yield "```yaml"
    lines = yaml_lines(_value(part, path))
    yield from lines[:_MAX_LINES]
    if len(lines) > _MAX_LINES:
        yield f"# and {len(lines) - _MAX_LINES} more lines"
    yield "```"
    place = part.place(path)
    if place is not None:
        yield f"set by {_place(place)}"


def _read(workspace: Workspace, file: Path) -> Config | None:
    try:
        return load(str(file), texts=workspace.texts, strict=False)
    except ConfigError:
        return None


def _value(config: Config, path: str) -> Any:
    """Return a value; of a component that is referred to through copies what it copies."""
    expanded = config.expanded()
    return expanded.get(path) if expanded.has(path) else config.get(path)


def _place(place: Place) -> str:
    if place.line is None or place.source == COMMAND_LINE:
        return str(place)
    via = f"{place.via} " if place.via else ""
    text = ":".join(str(part) for part in (place.source, place.line, place.column) if part is not None)
    return f"{via}[{text}]({without_links(place.source).as_uri()}#L{place.line})"


def _link(file: str, line: int) -> str:
    name = "/".join(Path(file).parts[-2:])
    return f"[{name}:{line}]({Path(file).as_uri()}#L{line})" if file else ""
