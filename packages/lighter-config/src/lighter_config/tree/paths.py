"""Paths in a config: ``trainer::callbacks::0::patience``."""

import re
from functools import lru_cache

from lighter_config.errors import PathError
from lighter_config.findings import Finding
from lighter_config.tree.node import MAX_DEPTH, Key, Segments

SEPARATOR = "::"
_TOKEN = re.compile(r"\\::|\\#|::")
_LEGACY_PART = re.compile(r"[\w-]+(?:#[\w-]+)+")
_INDEX = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")


def parse_path(text: str) -> Segments:
    r"""Split a path into its segments; those that look like an index are integers.

    Raises:
        PathError: A segment is empty, or there are more segments than a config may be deep.

    >>> parse_path("trainer::callbacks::-1::patience")
    ('trainer', 'callbacks', -1, 'patience')
    >>> parse_path(r"vars::a\::b"), parse_path("system#model"), parse_path("C#")
    (('vars', 'a::b'), ('system', 'model'), ('C#',))
    """
    return split_path(text)[0]


@lru_cache(maxsize=20_000)
def split_path(text: str) -> tuple[Segments, bool]:
    """Split a path; also return whether it uses the old ``#`` separator."""
    legacy = False
    if text[:2] in (r"\~", r"\=", r"\+"):
        text = text[1:]
    parts = text.split(SEPARATOR) if "\\" not in text else _split_escaped(text)
    segments: list[Key] = []
    for part in parts:
        if not part:
            fix = "remove the extra '::'" if text else "name a place such as trainer::max_epochs"
            raise PathError(Finding(message=f"the path {text!r} has an empty segment", path=text, fix=fix))
        if "#" in part and _LEGACY_PART.fullmatch(part):
            legacy = True
            segments.extend(map(_segment, part.split("#")))
        else:
            segments.append(
                _segment(part.replace(r"\#", "#").replace(r"\::", SEPARATOR)) if "\\" in part else _segment(part)
            )
    if len(segments) > MAX_DEPTH:
        raise PathError(
            Finding(message=f"a path has {len(segments)} segments; a config is at most {MAX_DEPTH} levels deep")
        )
    return tuple(segments), legacy


def _split_escaped(text: str) -> list[str]:
    parts, start = [], 0
    for match in _TOKEN.finditer(text):
        if match.group() == SEPARATOR:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _segment(text: str) -> Key:
    return int(text) if _INDEX.fullmatch(text) else text


def with_separators(path: Segments) -> Segments | None:
    """Read a path whose first segment has the separators of other tools; ``None`` if it has none.

    >>> with_separators(("vars.lr",)), with_separators(("++trainer:max_epochs",)), with_separators(("a/b", 0))
    (('vars', 'lr'), ('trainer', 'max_epochs'), ('a', 'b', 0))
    >>> with_separators(("lr",))
    """
    parts = [part for part in re.split(r"[.:/]", str(path[0]).lstrip("+-")) if part] if path else []
    meant = (*map(_segment, parts), *path[1:])
    return meant if parts and meant != path else None


def format_path(segments: Segments) -> str:
    r"""Write segments as a path, so that ``parse_path`` gives them back.

    >>> format_path(("trainer", "callbacks", 0)), format_path(("a::b", "~c", None))
    ('trainer::callbacks::0', 'a\\::b::~c::null')
    """
    text = SEPARATOR.join(map(format_segment, segments))
    return "\\" + text if text[:1] in ("~", "=", "+") else text


def format_segment(segment: Key) -> str:
    """Write one segment, with a backslash before what would separate it."""
    if segment is None:
        return "null"
    if type(segment) is not str:
        return str(segment).lower()
    text = segment.replace(SEPARATOR, r"\::") if SEPARATOR in segment else segment
    return text.replace("#", r"\#") if "#" in text and _LEGACY_PART.fullmatch(text) else text
