"""Ask what dotted targets take: answers are kept between runs, and only what is not kept is worked out from source."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_config.pyproject import search_path as own_search_path
from lighter_config.signatures.answers.answer import Answer, DoesNotExist, Signature, Unknown
from lighter_config.signatures.answers.cache import AnswerCache
from lighter_config.signatures.answers.mismatch import UNWRITTEN, Mismatch, json_of
from lighter_config.signatures.text.modules import ModuleFinder
from lighter_config.signatures.text.parameters import Parameter, ParameterKind

if TYPE_CHECKING:
    from lighter_config.signatures.answers.accepted import Accepted
    from lighter_config.signatures.answers.answer import Name
    from lighter_config.signatures.answers.cache import Fingerprint
    from lighter_config.signatures.answers.class_constants import Constant
    from lighter_config.signatures.answers.reader import SourceReader

_SCALARS = frozenset({str, int, float, bool, type(None), type(UNWRITTEN)})
_TOO_DEEP = "its source is nested too deeply"


class SignatureReader:
    """Read what dotted targets take from their source; nothing is imported.

    Files are looked at once for each reader: make a new one after the code has changed.

    Args:
        search_path: Folders to search, as in ``sys.path``; by default ``sys.path``, the working directory, and the
            ``search-path`` of its pyproject.toml, which is what the commands run with.
        project: The folder that targets starting with ``project.`` live in.
        cache_folder: Where answers are kept between runs; by default in the user's cache folder. ``None`` keeps none.
    """

    def __init__(
        self,
        *,
        search_path: Sequence[str | Path] | None = None,
        project: Path | None = None,
        cache_folder: Path | str | None = "",
    ) -> None:
        if search_path is None:
            here = Path.cwd()
            search_path = [*sys.path, str(here), *own_search_path(here)]
        self._finder = ModuleFinder(search_path, project=project)
        self._cache = AnswerCache(self._finder, _default_cache() if cache_folder == "" else _as_path(cache_folder))
        self._answers: dict[str, Answer] = {}
        self._mismatches: dict[tuple[Parameter, type, Any], tuple[str, Mismatch | None]] = {}

    @cached_property
    def _source(self) -> "SourceReader":
        from lighter_config.signatures.answers.reader import SourceReader  # kept answers need none of it

        return SourceReader(self._finder)

    def read(self, target: str) -> Answer:
        """Read what ``target`` takes: known, certainly missing, or not known.

        Args:
            target: A dotted import path of a class, a function or a classmethod.
        """
        question = f"read {target}"
        if target in self._answers:
            self._cache.note_use(question)
        else:
            too_deep = _to_json(Unknown(target, _TOO_DEEP))
            kept = self._ask(question, lambda: _to_json(self._source.read(target)), too_deep, about=target)
            self._answers[target] = _from_json(kept)
        return self._answers[target]

    def names(self, target: str) -> "tuple[Name, ...]":
        """Return the public names of a module or a class, as far as they are written, in the order of their names.

        Args:
            target: A dotted import path; empty for the modules that an import may start with.
        """
        from lighter_config.signatures.answers.answer import Name

        return tuple(
            Name(**kept) for kept in self._ask(f"names in {target}", lambda: self._named(target), [], about=target)
        )

    def _named(self, target: str) -> list[dict[str, str]]:
        return [asdict(name) for name in self._source.names(target)]

    def file_of(self, module: str) -> str | None:
        """Return the file of a module; ``None`` when there is no such module, or it has no text."""
        found = self._finder.find(module) if all(part.isidentifier() for part in module.split(".")) else None
        return None if found is None or found.kind not in ("source", "stub") else found.file

    def fingerprint(self, module: str) -> "Fingerprint":
        """Return what a module came from, when this reader looked first: file, modification time and size.

        Args:
            module: Its name, as `Dependencies` has it.
        """
        return self._cache.fingerprint(module)

    @property
    def search_path(self) -> tuple[str, ...]:
        """The folders that are searched, absolute."""
        return self._finder.search_path

    def remove_old_answers(self, num_kept: int = 20_000) -> None:
        """Remove all kept answers but the newest ones, about 60 MiB by default; what is removed is worked out again."""
        self._cache.remove_old(num_kept)

    def is_current(self) -> bool:
        """Return whether every file that an answer came from is as it was: else make a new reader."""
        return self._cache.is_current()

    def is_subclass(self, target: str, base: str) -> bool | None:
        """Return whether the class at ``target`` derives from ``base``, or is it; ``None`` when that is not known.

        Args:
            target: A dotted import path.
            base: A dotted import path, canonical or not.
        """
        answer = self._ask(f"is {target} a {base}", lambda: self._source.is_subclass(target, base), about=target)
        return answer if isinstance(answer, bool) else None

    def choices(self, target: str, name: str) -> tuple[str, ...]:
        """Return the texts that a class takes for an argument, where its source refuses all others; else nothing.

        Args:
            target: The import path of the class.
            name: The name of the argument.
        """
        question = f"choices of {target} {name}"
        return tuple(self._ask(question, lambda: self._source.choices(target, name), too_deep=[], about=target))

    def class_constant(self, target: str, name: str) -> "Constant":
        """Return the constant that a class has under a name; ``None`` if it is that, or is not known.

        Args:
            target: The import path of the class.
            name: The name of the attribute.
        """
        question = f"constant {target} {name}"
        constant: Constant = self._ask(question, lambda: self._source.class_constant(target, name), about=target)
        return constant

    def mismatch(self, parameter: Parameter, value: Any) -> Mismatch | None:
        """Say what in a value certainly does not fit a parameter's annotation; ``None`` when it fits, or is not known.

        Args:
            parameter: Of a signature that this reader gave.
            value: As YAML gives it; parts that are still to be built are ``UNWRITTEN``.
        """
        if parameter.annotation is None:
            return None
        if type(value) not in _SCALARS:
            return self._mismatch(parameter, value, _question_of(parameter, value))
        key = (parameter, type(value), value)
        if key in self._mismatches:
            question, mismatch = self._mismatches[key]
            self._cache.note_use(question)
            return mismatch
        question = _question_of(parameter, value)
        mismatch = self._mismatch(parameter, value, question)
        self._mismatches[key] = (question, mismatch)
        return mismatch

    def _mismatch(self, parameter: Parameter, value: Any, question: str) -> Mismatch | None:
        def work_out() -> Any:
            found = self._source.mismatch(parameter, value)
            return {} if found is None else asdict(found)

        kept = self._ask(question, work_out, about=parameter.module)
        return Mismatch(**{**kept, "path": tuple(kept["path"]), "choices": tuple(kept["choices"])}) if kept else None

    def accepted(self, parameter: Parameter) -> "Accepted":
        """Return the kinds of values in YAML that a parameter takes; all kinds if its annotation does not tell.

        Args:
            parameter: Of a signature that this reader gave.
        """
        from lighter_config.signatures.answers.accepted import Accepted  # no check needs it

        if parameter.annotation is None:
            return Accepted()

        def work_out() -> Any:
            return asdict(self._source.accepted(parameter))

        written = f"{parameter.annotation} = {parameter.default!r}"
        kept = self._ask(f"accepted {parameter.module} {written}", work_out, asdict(Accepted()), about=parameter.module)
        return Accepted(**{name: tuple(values) for name, values in kept.items()})

    def _ask(self, question: str, work_out: Callable[[], Any], too_deep: Any = None, *, about: str = "") -> Any:
        """Give the kept answer to a question, or work it out; ``too_deep`` when the source is nested past reason."""

        def recorded() -> tuple[Any, Iterable[str]]:
            with self._source.modules.recording() as modules:
                try:
                    answer = work_out()
                except RecursionError:
                    answer = too_deep
            return answer, modules

        return self._cache.answer(question, recorded, about=about)


def _question_of(parameter: Parameter, value: Any) -> str:
    written = f"{parameter.annotation} = {parameter.default!r}"  # no default is not the default None
    return f"fits {parameter.module} {written}: {json.dumps(json_of(value))}"


def _default_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("lighter") / "signatures"


def _as_path(folder: Path | str | None) -> Path | None:
    return None if folder is None else Path(folder)


def _to_json(answer: Answer) -> dict[str, Any]:
    return {"kind": type(answer).__name__, **asdict(answer)}


def _from_json(kept: dict[str, Any]) -> Answer:
    fields = dict(kept)
    kind = fields.pop("kind")
    if kind == "Signature":
        fields["parameters"] = tuple(
            Parameter(**{**parameter, "kind": ParameterKind(parameter["kind"])}) for parameter in fields["parameters"]
        )
        return Signature(**fields)
    if kind == "Unknown":
        return Unknown(**fields)
    return DoesNotExist(**{**fields, "nearest": tuple(fields["nearest"])})
