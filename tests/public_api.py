"""Record what users of the packages and of the command line can name: names, signatures, defaults, options.

After a change on purpose, write its sentence into ``changelog.d`` and record the change with it::

    python tests/public_api.py changelog.d/my-change.changed.md

Read from the source, so the record is the same with any Python and any version of what the packages import.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
from cyclopts import App

ROOT = Path(__file__).parents[1]
RECORD_FILE = ROOT / "tests/public_api.txt"
CHANGELOG = ROOT / "changelog.d"
MODULES = {
    "lighter-config": ["lighter_config"],
    "lighter-core": [
        "lighter",
        "lighter.adapters",
        "lighter.callbacks",
        "lighter.collate",
        "lighter.layers",
        "lighter.optimizers",
        "lighter.resumable",
        "lighter.weights",
    ],
    "lighter-cli": ["lighter_cli"],
}
"""Modules whose public names are promised: the packages, and those that the reference of the documentation names."""

_PREFIXES = {
    griffe.ParameterKind.var_positional: "*",
    griffe.ParameterKind.var_keyword: "**",
}


def describe_packages() -> Iterator[str]:
    """Yield one line for each public name of the packages, and for each public name of a public class."""
    search_paths = [ROOT / "packages" / package / "src" for package in MODULES]
    loader = griffe.GriffeLoader(search_paths=search_paths)
    names = [name for modules in MODULES.values() for name in modules]
    for name in names:
        if "." not in name:
            loader.load(name)
    loader.resolve_aliases()
    for name in names:
        module = loader.modules_collection[name]
        exports = module.exports
        for member in sorted(str(one) for one in exports) if exports is not None else _own_names(module):
            yield from _describe(f"{name}.{member}", module[member])


def describe_commands(app: App, words: tuple[str, ...] = ("lighter",)) -> Iterator[str]:
    """Yield one line for each command, argument and option of the command line, with its default."""
    for name in app:
        if name in {"--help", "-h", "--version"}:
            continue
        command = app[name]
        line = " ".join([*words, name])
        yield line
        if command.default_command is None:
            yield from describe_commands(command, (*words, name))
            continue
        for argument in command.assemble_argument_collection():
            if argument.names == ("*",):  # a class whose fields, which follow, are options of the command
                continue
            default = argument.field_info.default
            shown = "" if default is argument.field_info.empty else f" = {default!r}"
            yield f"{line} {', '.join(argument.names)}{' (required)' if argument.required else shown}"


def describe() -> list[str]:
    """Return the whole public interface, one name a line."""
    from lighter_cli.app import app

    return [*describe_packages(), *describe_commands(app)]


def read_record() -> tuple[str, list[str]]:
    """Return the sentence that the last change of the interface was announced with, and the interface."""
    announced, _, *lines = RECORD_FILE.read_text().splitlines()
    return announced.removeprefix("announced: "), lines


def announcements() -> str:
    """Return all that users are told about changes, released or not, as one line."""
    files = [*sorted(CHANGELOG.glob("*.*.md")), ROOT / "CHANGELOG.md"]
    return " ".join(" ".join(file.read_text() for file in files).split())


def _own_names(module: griffe.Module) -> list[str]:
    return sorted(name for name, member in module.members.items() if not member.is_alias and not name.startswith("_"))


def _describe(name: str, shown: griffe.Object | griffe.Alias) -> Iterator[str]:
    while isinstance(shown, griffe.Alias):
        shown = shown.target
    if isinstance(shown, griffe.Function):
        yield f"{name}{_signature(shown)}"
    elif isinstance(shown, griffe.Class):
        yield f"{name}({', '.join(str(base) for base in shown.bases)})"
        for member_name, member in sorted(shown.all_members.items()):
            if member_name == "__init__" or not member_name.startswith("_"):
                yield from _describe(f"{name}.{member_name}", member)
    elif isinstance(shown, griffe.Attribute):
        is_value = "class-attribute" in shown.labels or shown.parent is None or shown.parent.is_module
        value = f" = {shown.value}" if shown.value is not None and is_value else ""
        yield f"{name}{f': {shown.annotation}' if shown.annotation is not None else ''}{value}"
    else:
        yield name


def _signature(function: griffe.Function) -> str:
    parts = []
    is_after_star = False
    for parameter in function.parameters:
        if parameter.kind is griffe.ParameterKind.keyword_only and not is_after_star:
            parts.append("*")
        is_after_star |= parameter.kind in {griffe.ParameterKind.keyword_only, griffe.ParameterKind.var_positional}
        prefix = _PREFIXES.get(parameter.kind, "") if parameter.kind is not None else ""
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = f" = {parameter.default}" if parameter.default is not None and not prefix else ""
        parts.append(f"{prefix}{parameter.name}{annotation}{default}")
    returns = f" -> {function.returns}" if function.returns is not None else ""
    return f"({', '.join(parts)}){returns}"


def main(words: list[str]) -> str | None:
    """Record the interface as it is; return what is wrong instead when the change is not announced."""
    files = [Path(word) for word in words]
    if len(files) != 1 or not files[0].is_file() or files[0].resolve().parent != CHANGELOG:
        return "name the file in changelog.d that tells users of this change: python tests/public_api.py FILE"
    announced = " ".join(files[0].read_text().split())
    lines = describe()
    if RECORD_FILE.exists():
        before, recorded = read_record()
        if recorded == lines:
            return "nothing to record: the public interface is as it was"
        if before == announced:
            return f"{files[0]} announced the change before this one: write what changed now"
    RECORD_FILE.write_text("\n".join([f"announced: {announced}", "", *lines]) + "\n")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
