"""Overrides that make a key which nothing reads: most are mistyped or lack the first part of their path."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.sections import SECTIONS, VARS
from lighter_config.sources.bases import BASE
from lighter_config.sources.words import CHECKPOINT_SUFFIXES, CONFIG_SUFFIXES
from lighter_config.suggestions import nearest_names, synonyms_of
from lighter_config.tree.node import Key, Segments
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import SEPARATOR, format_path, with_separators
from lighter_config.tree.targets import targets_in
from lighter_config.tree.walking import follow, walk

if TYPE_CHECKING:
    from lighter_config.signatures import SignatureReader

_NUM_SHOWN = 3
_LONGEST_SHOWN = 40


def paths_elsewhere(config: Config, reader: "SignatureReader", path: Segments) -> list[str]:
    """Return other paths that end in the name of ``path``, or in a synonym, and exist or can be given.

    Those below what holds ``path`` come first.
    """
    inside = format_path(path[:-1]) + SEPARATOR
    for name in (path[-1], *synonyms_of(str(path[-1]))):
        exist = [at for at in _paths_named(config, name, path) if _is_taken(config, reader, at)]
        if found := dict.fromkeys([*map(format_path, exist), *_arguments_named(config, reader, name)]):
            return sorted(found, key=lambda other: not other.startswith(inside))[:_NUM_SHOWN]
    return []


def _is_taken(config: Config, reader: "SignatureReader", path: Segments) -> bool:
    """Return whether a value is not an argument that its component does not take."""
    from lighter_config.signatures import Signature

    target = follow(config.expanded()._root, (*path[:-1], "_target_"))
    answer = reader.read(target.node.value) if not target.rest and type(target.node.value) is str else None
    return not isinstance(answer, Signature) or answer.accepts_any_keyword or path[-1] in answer.keywords


def written_at(other: str, path: Segments, text: str) -> str:
    """Return the override ``text`` of ``path`` with ``other`` in place of the path; the path alone if it is unclear.

    >>> written_at("optimizer::lr", ("model", "lr"), "model::lr=3"), written_at("a", ("m", "a"), "m={a: 1}")
    ('optimizer::lr=3', 'a')
    """
    given, equals, value = text.partition("=")
    rest = given.removeprefix(format_path(path))
    return f"{other}{rest}{equals}{value}" if rest != given else other


def unread_overrides(config: Config, new: Sequence[tuple[Segments, Word]]) -> list[Finding]:
    """Find overrides that set a new key at the root or in ``vars`` which nothing refers to.

    Args:
        config: The merged config.
        new: The path of each override that made a key where nothing was.
    """
    suspects = [(path, word) for path, word in new if _is_free(path) and _is_left(config, path, word)]
    if not suspects:
        return []
    roots = (config._root, config.expanded()._root)
    used = {target for root in roots for at, _, target in targets_in(root) if target[: len(at)] != at}
    return [_finding(config, path, word) for path, word in suspects if not _is_read(config, path, used)]


def _is_free(path: Segments) -> bool:
    """Return whether no section says what the key is for, so that only a reference can."""
    return path[0] not in SECTIONS or (path[0] == VARS and len(path) > 1)


def _is_left(config: Config, path: Segments, word: Word) -> bool:
    """Return whether an override still sets the value, and not an argument of a component."""
    node, _, rest = follow(config._root, path)
    holders = (follow(config._root, path[:depth]).node for depth in range(1, len(path)))
    is_argument = any(holder.is_mapping and "_target_" in holder.value for holder in holders)
    return not rest and not is_argument and any(trace.origin is word for trace in node.traces())


def _is_read(config: Config, path: Segments, used: set[Segments]) -> bool:
    """Return whether a reference leads to the path, into it, or to what holds it.

    A key inside one of the user's own sections that no reference reads at all may be for Python code, so it counts as
    read; a new section does not.
    """
    if any(target[: len(path)] == path or path[: len(target)] == target for target in used):
        return True
    is_new_section = all(trace.place.word is not None for trace in follow(config._root, path[:1]).node.traces())
    return not is_new_section and path[0] != VARS and not any(target[:1] == path[:1] for target in used)


def _finding(config: Config, path: Segments, word: Word) -> Finding:
    name = format_path(path)
    if path == (BASE,):
        return _about(word, name, f"{BASE} is read from files only", fix="give the file as an input before the others")
    if word.text.endswith((*CONFIG_SUFFIXES, *CHECKPOINT_SUFFIXES)):
        return _about(
            word,
            name,
            f"{word.text!r} is neither a file nor an override that something reads",
            fix="name a file that exists, or the path of a value that the config has",
        )
    nearest = list(dict.fromkeys(_meant(config, path) or _similar(config, path)))[:_NUM_SHOWN]
    where = "in vars" if path[0] == VARS else "at the root"
    written, _, value = word.text.partition("=")
    value = value if len(value) <= _LONGEST_SHOWN else "…"
    fix = f"if you want the key, write it in a file, or ={written}={value}"
    return _about(
        word,
        name,
        f"nothing reads {written}: it would be a new key {where}",
        nearest=nearest,
        expected=[section for section in SECTIONS if not section.startswith("_")] if len(path) == 1 else [],
        fix=f"write {nearest[0]}={value}" if nearest else fix,
    )


def _about(
    word: Word, path: str, message: str, *, nearest: Sequence[str] = (), expected: Sequence[str] = (), fix: str
) -> Finding:
    return Finding(
        message=message,
        path=path,
        place=word.place(),
        excerpt=word.text,
        nearest=tuple(nearest),
        expected=tuple(expected),
        fix=fix,
    )


def _meant(config: Config, path: Segments) -> list[str]:
    """Return the paths that end in the name that the user wrote, the likeliest first."""
    other = with_separators(path)
    name = (other or path)[-1]
    meant = [] if other is None else list(_if_it_fits(config, other))
    meant += [format_path((new, *path[1:])) for new, section in SECTIONS.items() if path[0] in section.old_names]
    return [*meant, *map(format_path, _paths_named(config, name, path)), *_arguments_of_any(config, name)]


def _similar(config: Config, path: Segments) -> Iterator[str]:
    """Yield the paths whose last part is near the name that the user wrote, those beside it first."""
    root = config.expanded()._root
    holder = follow(root, path[:-1]).node
    siblings = [str(key) for key, _ in holder.children() if key != path[-1]]
    siblings += list(SECTIONS) if len(path) == 1 else []
    siblings += [str(target[-1]) for _, _, target in targets_in(root) if target[:-1] == path[:-1]]  # with a default
    yield from (format_path((*path[:-1], near)) for near in nearest_names(str(path[-1]), siblings))
    others = {str(at[-1]): at for at, node in walk(root) if at and at != path and type(at[-1]) is str and node.is_leaf}
    yield from (format_path(others[near]) for near in nearest_names(str(path[-1]), others))


def _if_it_fits(config: Config, path: Segments) -> Iterator[str]:
    if path[0] in SECTIONS or not follow(config._root, path).rest:
        yield format_path(path)


def _paths_named(config: Config, name: Key, path: Segments) -> list[Segments]:
    """Return the paths of the values other than that at ``path`` that have this name, the shallowest first."""
    found = [at for at, _ in walk(config.expanded()._root) if at and at[-1] == name and at != path]
    return sorted(found, key=lambda at: (at[0] != VARS, len(at)))


def _arguments_of_any(config: Config, name: Key) -> Iterator[str]:
    from lighter_config.project import reader_for

    try:
        reader = reader_for(config)
    except ConfigError:
        return  # a project folder that does not exist, which is reported when the config is checked
    yield from _arguments_named(config, reader, name)


def _arguments_named(config: Config, reader: "SignatureReader", name: Key) -> Iterator[str]:
    """Yield the paths of arguments of this name that the components of the config take and do not have."""
    from lighter_config.signatures import Signature

    for path, node in walk(config.expanded()._root):
        target = node.value.get("_target_") if node.is_mapping else None
        if target is None or type(target.value) is not str or name in node.value:
            continue
        answer = reader.read(target.value)
        argument = answer.parameter(str(name)) if isinstance(answer, Signature) else None
        if argument is not None and argument.accepts_keyword:
            yield format_path((*path, name))
