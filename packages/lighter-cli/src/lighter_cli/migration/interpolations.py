"""Write the `${…}` of OmegaConf as references and expressions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lighter_cli.migration.document import Document
from lighter_cli.migration.foreign_text import put_text
from lighter_cli.migration.tree import Segments, section, texts
from lighter_config import format_path
from lighter_config.tree.environment import from_environment, quoted
from lighter_config.tree.paths import format_segment
from lighter_config.tree.scalars import scalar

PathOf = Callable[[Segments], Segments]

_RESOLVER = re.compile(r"[A-Za-z_][\w.]*(?=:)")
_ARITHMETIC = re.compile(r"[\w\s+\-*/%().,<>=!]*")
_READS_ENVIRONMENT = re.compile(r"\$\{oc\.env:([^${}]*)\}")
_DATE = "datetime"


class UnknownResolverError(Exception):
    """A resolver whose value only its tool knows."""


@dataclass(slots=True)
class Interpolations:
    """Rewrites the interpolations of the files of one experiment.

    Attributes:
        documents: The files.
        path_of: Returns the new path of a value, by its old one.
        hints: What to do instead of a resolver, by its name.
    """

    documents: Sequence[Document]
    path_of: PathOf = tuple
    hints: dict[str, str] = field(default_factory=dict)

    def rewrite(self) -> None:
        """Rewrite every text that has an interpolation; report those with an unknown resolver, with their lines."""
        for document in self.documents:
            needs_date = False
            for _, container, key, text in list(texts(document.root)):
                if "${" not in text:
                    continue
                try:
                    new = self.rewritten(text)
                except UnknownResolverError as error:
                    name = str(error)
                    fix = self.hints.get(name, 'write its Python, `"$…"`, or the value')
                    document.say(f"no equivalent of the resolver `{name}` in {text!r}", container, key, fix=fix)
                    continue
                needs_date = needs_date or f"{_DATE}.now" in new
                put_text(container, key, new)
            if needs_date:
                section(document.root, "_imports_")[_DATE] = f"{_DATE}.{_DATE}"

    def rewritten(self, text: str) -> str:
        """Return the text in the config language.

        Raises:
            UnknownResolverError: There is no equivalent.

        >>> Interpolations(()).rewritten("${trainer.max_epochs}"), Interpolations(()).rewritten("${a.b}/x")
        ('%trainer::max_epochs', '$f"{@a::b}/x"')
        """
        parts = _parts(text)
        if len(parts) == 1 and parts[0][0]:
            inside = parts[0][1]
            if _RESOLVER.match(inside) is None:
                return f"%{self._path(inside)}"
            code = self._code(inside)
            return f"%{code[2:-1]}" if code.startswith("@{") else f"${code}"
        return f"${self._joined(parts)}"

    def _joined(self, parts: Sequence[tuple[bool, str]]) -> str:
        """Write text with interpolations as an f-string."""
        codes = [(is_code, self._code(part, is_text=True) if is_code else part) for is_code, part in parts]
        if any(is_code and ('"' in code or "\\" in code) for is_code, code in codes):
            return " + ".join(f"str({code})" if is_code else repr(code) for is_code, code in codes)
        pieces = []
        for is_code, code in codes:
            literal = code.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}")
            pieces.append(f"{{{code}}}" if is_code else literal)
        return f'f"{"".join(pieces)}"'

    def _code(self, inside: str, *, is_text: bool = False) -> str:
        """Return the Python of what an interpolation holds; ``is_text`` if it is a part of a text."""
        match = _RESOLVER.match(inside)
        if match is None:
            return f"@{self._path(inside, in_expression=True)}"
        name, arguments = match.group(), inside[match.end() + 1 :]
        if name == "oc.env":
            return self._environment(arguments, is_text=is_text)
        decoded = _READS_ENVIRONMENT.fullmatch(arguments.strip()) if name == "oc.decode" else None
        if decoded is not None and (is_text or self._has_type(decoded.group(1))):
            return self._environment(decoded.group(1), is_text=is_text)
        if name == "oc.select":
            return self._selected(arguments)
        if name == "now":
            return f"{_DATE}.now().strftime({arguments!r})"
        if name == "hydra" and arguments == "runtime.cwd":
            return "os.getcwd()"
        if name == "eval":
            return self._evaluated(arguments)
        raise UnknownResolverError(f"{name}:{arguments}" if name == "hydra" else name)

    def _environment(self, arguments: str, *, is_text: bool) -> str:
        name, comma, default = (part.strip() for part in arguments.partition(","))
        if not comma:
            return from_environment(name)
        parts = _parts(default.strip("'\""))
        if any(is_code for is_code, _ in parts):
            return f"os.environ.get({name!r}, {self._joined(parts)})"
        if default == "None":
            default = "null"
        return from_environment(name, quoted(default) if is_text and default != "null" else default)

    def _has_type(self, arguments: str) -> bool:
        """Return whether the default of a variable tells what its text is decoded to."""
        _, comma, default = (part.strip() for part in arguments.partition(","))
        return bool(comma) and isinstance(scalar(default), int | float)

    def _selected(self, arguments: str) -> str:
        key, comma, default = (part.strip() for part in arguments.partition(","))
        if "${" in default:
            raise UnknownResolverError("oc.select")
        text = default.strip("'\"") if comma else "null"
        return f"@{{{self._path(key)}?{text}}}"

    def _evaluated(self, arguments: str) -> str:
        quotes = arguments[:1] in ("'", '"') and arguments[-1:] == arguments[:1]
        parts = _parts(arguments[1:-1] if quotes else arguments)
        if not all(is_code or _ARITHMETIC.fullmatch(part) for is_code, part in parts):
            raise UnknownResolverError("eval")
        return "".join(self._code(part) if is_code else part for is_code, part in parts)

    def _path(self, dotted: str, *, in_expression: bool = False) -> str:
        name = dotted.lstrip(".")
        path = self.path_of(_segments(name))
        up = "::" * (len(dotted) - len(name))
        text = up + format_path(path)
        is_plain = all(type(segment) is int or format_segment(segment).isidentifier() for segment in path)
        return f"{{{text}}}" if in_expression and not is_plain else text


def _segments(dotted: str) -> Segments:
    """Read `a.b[0].1` as a path."""
    names = [name for name in re.split(r"[.\[\]]+", dotted) if name]
    return tuple(int(name) if re.fullmatch(r"-?\d+", name) else name for name in names)


def _parts(text: str) -> list[tuple[bool, str]]:
    """Split text into literal parts and the insides of its interpolations, which are marked."""
    parts: list[tuple[bool, str]] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start and text[start - 1] == "\\":
            parts.append((False, text[position : start - 1] + "${"))
            position = start + 2
            continue
        end = _closing(text, start + 2)
        if end < 0:
            break
        if start > position:
            parts.append((False, text[position:start]))
        parts.append((True, text[start + 2 : end].strip()))
        position = end + 1
    if text[position:]:
        parts.append((False, text[position:]))
    return parts


def _closing(text: str, position: int) -> int:
    depth = 1
    while position < len(text):
        depth += (text[position] == "{") - (text[position] == "}")
        if not depth:
            return position
        position += 1
    return -1
