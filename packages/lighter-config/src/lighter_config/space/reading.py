"""Read the space of a sweep from its config: the ``sweep`` section, the dimensions among the words, the options."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lighter_config.config import Config
from lighter_config.errors import CheckError
from lighter_config.findings import Finding, Severity
from lighter_config.places import Place
from lighter_config.sections import SWEEP
from lighter_config.space.dimensions import FILES, DimensionReader
from lighter_config.space.domains import Dimension, Range
from lighter_config.space.doubtful_words import overrides_like_dimensions
from lighter_config.space.first_trials import first_trials
from lighter_config.space.search_rules import broken_rules
from lighter_config.space.settings import SettingsReader, SpaceOptions
from lighter_config.space.space import Space
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Node
from lighter_config.tree.paths import SEPARATOR

_OVER, _REPEAT, _FIRST = "over", "repeat", "first"


def read_space(config: Config, options: SpaceOptions | None = None) -> Space:
    """Read the space of a sweep.

    Args:
        config: The config of the sweep as it was loaded, with its ``sweep`` section and its dimensions among the words.
        options: The options of the command.

    Raises:
        CheckError: Something is wrong with the space; all findings at once, each with its place.
    """
    options = options or SpaceOptions()
    space, findings = _read(config, options)
    if space is not None and not _has_errors(findings):  # else dimensions may be missing
        findings += [replace(one, check="space") for one in broken_rules(space, _section(config), options)]
    if space is None or _has_errors(findings):
        raise CheckError(*findings)
    return replace(space, notes=tuple(findings))


def section_findings(config: Config) -> list[Finding]:
    """Return what is wrong with a ``sweep`` section itself, whatever the options of the command may add to it."""
    return _read(config, SpaceOptions())[1]


def _read(config: Config, options: SpaceOptions) -> tuple[Space | None, list[Finding]]:
    """Return the space, and what is wrong with its parts; ``None`` without a section that can be read."""
    section = _section(config)
    if not section.is_mapping:
        message = f"the section {SWEEP} must be a mapping, is {section.plain()!r}"
        return None, [_about(section, SWEEP, message, fix="write what varies below `over`")]
    dimensions, repeats, findings = _dimensions(config, section, options)
    settings = SettingsReader(section, options)
    settings.check_keys()
    first, wrong_entries = first_trials(config, dimensions, section.value.get(_FIRST))
    space = Space(
        config=config,
        dimensions=tuple(dimensions),
        repeats=tuple(repeats),
        objectives=settings.objectives(),
        where=settings.conditions(),
        constraints=settings.constraints(),
        first=tuple(first),
        sampler=settings.sampler(),
        pruner=settings.pruner(),
        take=settings.take(),
        trials=settings.trials(),
        hours=settings.hours(),
        patience=settings.patience(),
    )
    return space, [*findings, *settings.findings, *wrong_entries, *overrides_like_dimensions(config)]


def _section(config: Config) -> Node:
    """Return the ``sweep`` section; an empty mapping where there is none."""
    return config._root.value.get(SWEEP) or Node({}, config._root.origin)


def _has_errors(findings: Sequence[Finding]) -> bool:
    return any(one.severity is Severity.ERROR for one in findings)


def _dimensions(
    config: Config, section: Node, options: SpaceOptions
) -> tuple[list[Dimension], list[Dimension], list[Finding]]:
    """Return the dimensions, the repeats, and what is wrong with them."""
    reader = DimensionReader(config)
    parts = {key: section.value.get(key) for key in (_OVER, _REPEAT, FILES)}
    found: dict[str, list[Dimension]] = {key: [] for key in parts}
    files = parts[FILES]
    if files is not None and files.value is not None:
        found[FILES] = list(reader.files(files))
    for key in (_OVER, _REPEAT):
        node = parts[key]
        if node is None or node.value is None:
            continue
        if node.is_mapping:
            found[key] = sorted(reader.over(node, repeats=key == _REPEAT), key=_as_written(config))
        else:
            path = f"{SWEEP}{SEPARATOR}{key}"
            message = f"{path} must be a mapping, is {node.plain()!r}"
            reader.findings.append(_about(node, path, message, fix="write each path with its range or choices"))
    is_repeated = {one.path for one in found[_REPEAT]} - {one.path for one in found[_OVER]}
    moved, findings = _repeated(found[_OVER], [path for path in options.repeat if path not in is_repeated])
    names = {dimension.name for dimension in moved}
    dimensions = [*found[FILES], *(one for one in found[_OVER] if one.name not in names)]
    repeats = [*(one for one in found[_REPEAT] if one.name not in names), *moved]
    findings += [*_endless(repeats), *_twice(dimensions, repeats)]
    return dimensions, repeats, [*reader.findings, *findings]


def _as_written(config: Config) -> Callable[[Dimension], tuple[int, int, int, int]]:
    """Return the key that sorts dimensions by their places: files first, in the order of the command line."""
    sources = [str(source) for source in config.sources]

    def position(dimension: Dimension) -> tuple[int, int, int, int]:
        place = dimension.place
        number = sources.index(place.source) if place.source in sources else -1
        return (place.word or 0, number, place.line or 0, place.column or 0)

    return position


def _repeated(dimensions: Sequence[Dimension], paths: Sequence[str]) -> tuple[list[Dimension], list[Finding]]:
    """Return the dimensions that ``--repeat`` names, as repeats."""
    moved, findings = [], []
    for path in paths:
        found = next((one for one in dimensions if one.path == path), None)
        if found is not None:
            moved.append(_as_repeat(found))
            continue
        names = tuple(one.path for one in dimensions)
        findings.append(
            Finding(
                message=f"--repeat names {path}, which is not a dimension of the sweep",
                path=path,
                place=Place("option --repeat"),
                excerpt=path,
                expected=names,
                nearest=nearest_names(path, names),
                fix=f"add {path}:=0..4 to the inputs",
                check="space",
            )
        )
    return moved, findings


def _as_repeat(dimension: Dimension) -> Dimension:
    domain = dimension.domain
    if not isinstance(domain, Range):
        inner = [tuple(replace(one, repeats=True) for one in choice.dimensions) for choice in domain]
        domain = tuple(replace(choice, dimensions=one) for choice, one in zip(domain, inner, strict=True))
    return replace(dimension, repeats=True, domain=domain)


def _endless(repeats: Sequence[Dimension]) -> Iterator[Finding]:
    for dimension in repeats:
        if not dimension.is_finite:
            message = f"{dimension.path} repeats a trial, so its values must be listed"
            fix = "list the values, or write a range of whole numbers: 0..4"
            yield _about(dimension.node, dimension.path, message, fix=fix)


def _twice(dimensions: Sequence[Dimension], repeats: Sequence[Dimension]) -> Iterator[Finding]:
    names = {one.name for one in dimensions}
    for dimension in repeats:
        if dimension.name in names:
            message = f"{dimension.path} is both a dimension and a repeat"
            fix = f"remove it from `over` or from `repeat`; --repeat {dimension.path} takes the one of `over`"
            yield _about(dimension.node, dimension.path, message, fix=fix)


def _about(node: Node, path: str, message: str, *, fix: str) -> Finding:
    return Finding(message=message, path=path, place=node.place, excerpt=node.excerpt, fix=fix, check="space")
