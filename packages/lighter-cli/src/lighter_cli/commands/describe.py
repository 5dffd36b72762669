"""``lighter describe``: show what a target takes, read from its source, with YAML to start from."""

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.describing.docstrings import Documentation, read_documentation, without_markup
from lighter_cli.describing.usual_values import PLACEHOLDER, usual_value
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, PLACE, Line
from lighter_config import DoesNotExist, Finding, Signature, SignatureReader, TargetError, Unknown, load
from lighter_config.project import MARKER, locate_project, reader_for, reader_in
from lighter_config.regular_files import is_regular
from lighter_config.signatures import Parameter as Argument
from lighter_config.signatures import ParameterKind
from lighter_config.signatures.answers.accepted import literal_default
from lighter_config.signatures.answers.mismatch import UNWRITTEN
from lighter_config.signatures.answers.short_names import PACKAGES, find_named

_MAX_WIDTH = 100
_STARS = {ParameterKind.VAR_POSITIONAL: "*", ParameterKind.VAR_KEYWORD: "**"}


def describe(
    target: Annotated[
        str, Parameter(help="An import path such as torch.optim.AdamW, or only a name: AdamW, EarlyStopping.")
    ],
    /,
    *,
    deep: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Import the target if its source does not tell what it takes; build nothing.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the signature of a target with types, defaults and docs of its arguments, and YAML to start from."""
    reader = _deep_reader() if deep else reader_for(load({}))
    target, others = _full_target(target, reader)
    answer = reader.read(target)
    if isinstance(answer, DoesNotExist):
        raise _missing(answer, reader)
    if isinstance(answer, Unknown):
        snippet = [f"_target_: {target}"]
        if as_json:
            place = {"file": answer.file, "line": answer.line} if answer.file else {}
            yaml = "\n".join(snippet)
            output.write_json({"target": target, "known": False, "reason": answer.reason, **place, "yaml": yaml})
            return
        nearest = _elsewhere(target, reader)
        output.write_lines(_unknown_lines(answer, snippet, nearest, is_deep=deep))
        return
    documentation = read_documentation(answer)
    snippet = list(_snippet(answer, reader))
    if as_json:
        output.write_json(_as_json(answer, documentation, snippet, others))
        return
    output.write_lines(_lines(answer, documentation, snippet, others))


def _deep_reader() -> SignatureReader:
    from lighter_cli.checking.deep_reader import DeepReader  # asked for rarely
    from lighter_cli.project import make_targets_importable

    project = locate_project(load({}))
    make_targets_importable(project)
    return reader_in(project, DeepReader)


def _full_target(target: str, reader: SignatureReader) -> tuple[str, tuple[str, ...]]:
    """Return the import path of a target, and the paths of others with the same name when only a name was given.

    Raises:
        TargetError: The target is not an import path, or nothing has that name.
    """
    if not all(part.isidentifier() for part in target.split(".")) or is_regular(target):
        kind = "a file, not an import path" if is_regular(target) else "not an import path"
        expected = ("names with dots between: torch.optim.AdamW",)
        raise TargetError(Finding(message=f"{target!r} is {kind}", expected=expected))
    if "." in target:
        return target, ()
    named = find_named(target, reader)
    if named.targets:
        return named.targets[0], named.targets[1:]
    finding = Finding(
        message=f"{target!r} does not exist in {', '.join(PACKAGES)}",
        nearest=named.nearest,
        fix="give the full import path for other packages: monai.networks.nets.UNet",
    )
    raise TargetError(finding)


def _elsewhere(target: str, reader: SignatureReader) -> tuple[str, ...]:
    """Return paths with the same last name in the same package: torch.optim.AdamW for torch.AdamW."""
    package, _, rest = target.partition(".")
    if package not in PACKAGES:
        return ()
    found = find_named(rest.rpartition(".")[2], reader).targets
    return tuple(path for path in found if path.startswith(f"{package}."))[:3]


def _missing(answer: DoesNotExist, reader: SignatureReader) -> TargetError:
    message = answer.message
    nearest = answer.nearest or _elsewhere(answer.target, reader)
    fix = "" if nearest else "install the package that has it, or correct the name"
    if answer.missing == "project":
        message = f"{answer.target} does not exist: the folder of `project` is unknown"
        fix = f"put an empty {MARKER} into the folder of your code, and run the command inside it"
    return TargetError(Finding(message=message, nearest=nearest, fix=fix))


def _lines(
    signature: Signature, documentation: Documentation, snippet: list[str], others: tuple[str, ...]
) -> Iterator[Line]:
    yield [(signature.target, PATH)]
    yield from _wrapped(documentation.summary, "")
    yield [""]
    kind = "a class" if signature.is_class else "a function"
    place = f"{signature.file}:{signature.line}" if signature.file else "without a source file"
    yield [(f"{kind}, {place}", PLACE)]
    if others:
        yield from _wrapped(f"others with this name: {', '.join(others)}", "")
    if signature.parameters:
        yield [""]
        yield [("arguments", HEADING)]
    for argument in signature.parameters:
        yield ["  ", *_argument_line(argument)]
        yield from _wrapped(documentation.arguments.get(argument.name, ""), "      ")
    if not signature.is_exact:
        yield [""]
        yield from _wrapped("It may take more arguments: the source does not tell.", "")
    yield [""]
    yield [("in a config", HEADING)]
    yield from ([line] for line in snippet)


def _unknown_lines(answer: Unknown, snippet: list[str], nearest: tuple[str, ...], *, is_deep: bool) -> Iterator[Line]:
    yield [(answer.target, PATH)]
    how = "" if is_deep else " without importing it"
    yield from _wrapped(f"Its arguments are not known{how}: {answer.reason}.", "")
    if answer.file:
        yield [(f"{answer.file}:{answer.line}" if answer.line else answer.file, PLACE)]
    if not is_deep:
        yield [f"To import it: lighter describe {answer.target} --deep"]
    if nearest:
        yield from _wrapped(f"Known to exist: {', '.join(nearest)}", "")
    yield [""]
    yield [("in a config", HEADING)]
    yield from ([line] for line in snippet)


def _argument_line(argument: Argument) -> Line:
    text = f": {argument.annotation}" if argument.annotation else ""
    if argument.default is not None:
        text += f" = {argument.default}"
    note = "   required" if argument.required else ""
    if argument.kind is ParameterKind.POSITIONAL_ONLY:
        note += ", by position" if note else "   by position"
    return [(_STARS.get(argument.kind, "") + argument.name, PATH), text, (note, HEADING)]


def _wrapped(text: str, indent: str) -> Iterator[Line]:
    """Yield a paragraph in lines that fit the terminal, without the markup of Sphinx."""
    plain = without_markup(text)
    width = min(output.width() or _MAX_WIDTH, _MAX_WIDTH)
    for line in textwrap.wrap(plain, max(width, len(indent) + 20), initial_indent=indent, subsequent_indent=indent):
        yield [line]


def _snippet(signature: Signature, reader: SignatureReader) -> Iterator[str]:
    """Yield YAML that calls the target: the required arguments, and the defaults of the others in comments."""
    yield f"_target_: {signature.target}"
    by_position = [
        argument
        for argument in signature.parameters
        if argument.kind is ParameterKind.POSITIONAL_ONLY and argument.required
    ]
    if by_position:
        yield "_args_:"
        yield from (f"  - {PLACEHOLDER}  # {argument.name}" for argument in by_position)
    for argument in signature.parameters:
        if argument.required and argument.accepts_keyword:
            yield f"{argument.name}: {_usual_value(signature, argument, reader)}"
    if not by_position and any(argument.kind is ParameterKind.VAR_POSITIONAL for argument in signature.parameters):
        yield "# _args_: []"
    for argument in signature.parameters:
        if not argument.required and argument.accepts_keyword:
            default = _default(argument)
            if default is not None:
                yield f"# {argument.name}: {default}"


def _usual_value(signature: Signature, argument: Argument, reader: SignatureReader) -> str:
    usual = usual_value(signature.target, argument.name, reader)
    return usual or (f"{PLACEHOLDER}  # {argument.annotation}" if argument.annotation else PLACEHOLDER)


def _default(argument: Argument) -> str | None:
    """Return a default as YAML; ``None`` when it is computed, or needs several lines."""
    value = literal_default(argument.default)
    if value is UNWRITTEN:
        return None
    lines = output.yaml_lines(value)
    return lines[0] if len(lines) == 1 else None


def _as_json(
    signature: Signature, documentation: Documentation, snippet: list[str], others: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "target": signature.target,
        "known": True,
        "defined_as": signature.name,
        "file": signature.file,
        "line": signature.line,
        "is_class": signature.is_class,
        "is_exact": signature.is_exact,
        "summary": documentation.summary,
        "arguments": [
            {
                "name": argument.name,
                "kind": str(argument.kind),
                "type": argument.annotation,
                "default": argument.default,
                "required": argument.required,
                "documentation": documentation.arguments.get(argument.name),
            }
            for argument in signature.parameters
        ],
        "yaml": "\n".join(snippet),
        "others": others,
    }
