"""The JSON Schema of an experiment: for editors that know YAML, and not Lighter."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeGuard

from lighter_cli.describing.target_schema import (
    COMPONENT,
    MAPPING,
    OPERATORS,
    REFERENCE,
    VALUE,
    Schema,
    argument_schema,
    definition_of,
    ref,
    special_keys,
)
from lighter_config import Config, Signature, SignatureReader, Stage, is_computed, is_copy
from lighter_config.building.resolving import TARGET
from lighter_config.sections import (
    ARGS,
    DATA,
    GIVEN_BY_STAGES,
    IMPORTS,
    MODEL,
    NETWORK_PATHS,
    PROJECT,
    REQUIRES,
    SECTIONS,
    SEED,
    SHAPES,
    SWEEP,
    SYSTEM,
    TRAINER,
    VARS,
)
from lighter_config.sources.bases import BASE
from lighter_config.space.settings import KEYS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MAX_SEED = 2**32 - 1

_ABOUT_SECTIONS = {
    TRAINER: "The trainer of PyTorch Lightning.",
    SYSTEM: "A lighter.System: network, optimizer, criterion, metrics and dataloaders.",
    MODEL: "A LightningModule, in place of system.",
    DATA: "A LightningDataModule, beside model.",
    ARGS: "Arguments of the trainer's methods, by stage.",
    VARS: "Values to refer to: '@vars::name'.",
    PROJECT: "The folder of your code, importable as project.",
    SEED: "The seed of the run.",
    SWEEP: "What differs between the trials of a sweep.",
    SHAPES: "A description of a batch, for lighter check --shapes.",
    IMPORTS: "Modules for expressions, by their names in them.",
    REQUIRES: "Imports for expressions, in the form of earlier versions.",
}


def schema_of(config: Config, reader: SignatureReader, *, is_whole: bool) -> Schema:
    """Return the JSON Schema of the files of an experiment, draft 2020-12.

    It holds the sections, and the targets in use with their arguments. Values may always be references, expressions
    and components; what only Lighter can tell, such as where a reference leads, is left to ``lighter check``.

    Args:
        config: The merged experiment.
        reader: Reads what its targets take.
        is_whole: Whether one file holds all of it, so that a mapping must have what its target requires.
    """
    return _Schema(config, reader, is_whole).root()


class _Schema:
    def __init__(self, config: Config, reader: SignatureReader, is_whole: bool) -> None:
        self._tree: dict[Any, Any] = config.expanded().tree
        self._words = config.words
        self._reader = reader
        self._is_whole = is_whole

    def root(self) -> Schema:
        own = {str(name): self._at((name,), value) for name, value in self._tree.items() if name not in SECTIONS}
        return {
            "$schema": DIALECT,
            "title": " ".join(self._words),
            "description": "Made by lighter schema; make it anew when the experiment names other targets.",
            "type": "object",
            "properties": {BASE: _base(), **dict(self._sections()), **own},
            "patternProperties": {**OPERATORS, "^=": True},
            "additionalProperties": ref(VALUE),
            "$defs": {**self._shared(), **dict(self._definitions())},
        }

    def _sections(self) -> Iterator[tuple[str, Schema]]:
        for name, text in _ABOUT_SECTIONS.items():
            yield name, {"description": text, **self._section(name)}

    def _section(self, name: str) -> Schema:
        if name == SEED:
            number = {"type": "integer", "minimum": 0, "maximum": _MAX_SEED}
            return {"anyOf": [number, ref(REFERENCE)]}
        if name == PROJECT:
            return {"type": ["string", "null"]}
        if name == SWEEP:
            return {"type": "object", "properties": dict.fromkeys(KEYS, True)}
        if name in (SHAPES, REQUIRES):
            return {}
        if name == IMPORTS:
            return {"type": ["object", "string"]}
        if name == ARGS:
            return self._args()
        return self._at((name,), self._tree.get(name))

    def _at(self, path: tuple[Any, ...], value: Any) -> Schema:
        """Return the schema of the value at a path: of its target while it has that one, else of any value."""
        if not isinstance(value, dict) or path == (VARS,):
            return ref(VALUE)
        inside = {
            str(key): self._at((*path, key), child)
            for key, child in value.items()
            if isinstance(child, dict) and not str(key).startswith("_") and _holds_target(child)
        }
        target = value.get(TARGET)
        of_mapping: Schema = {"properties": inside} if inside else {}
        if target in self._signatures:
            same = {"properties": {TARGET: {"const": target}}}
            of_mapping |= {"if": same, "then": ref(target), "else": ref(COMPONENT)}
        else:
            of_mapping |= ref(MAPPING)
        # yaml-language-server proposes the keys of a branch only where the type is known
        return {"anyOf": [ref(REFERENCE), {"type": "object", **of_mapping}, {"type": "null"}, {"type": "array"}]}

    def _args(self) -> Schema:
        trainer = self._tree.get(TRAINER)
        target = trainer.get(TARGET) if isinstance(trainer, dict) else None
        methods: Schema = {}
        for stage in Stage:
            answer = self._reader.read(f"{target}.{stage}") if _is_text(target) else None
            methods[stage] = self._method(answer) if isinstance(answer, Signature) else ref(VALUE)
        return {
            "anyOf": [
                ref(REFERENCE),
                {
                    "type": "object",
                    "properties": methods,
                    "patternProperties": {**OPERATORS, "^=": True},
                    "additionalProperties": False,
                },
            ]
        }

    def _method(self, signature: Signature) -> Schema:
        hidden = ("self", *GIVEN_BY_STAGES)
        arguments = [one for one in signature.parameters if one.accepts_keyword and one.name not in hidden]
        mapping: Schema = {
            "type": "object",
            "properties": {one.name: argument_schema(one, self._reader) for one in arguments},
            "patternProperties": {**OPERATORS, "^=": True},
            "additionalProperties": signature.accepts_any_keyword,
        }
        return {"anyOf": [ref(REFERENCE), mapping]}

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        """The targets in use whose arguments are known, in their order."""
        answers = {target: self._reader.read(target) for target in dict.fromkeys(_targets_in(self._tree))}
        return {target: answer for target, answer in answers.items() if isinstance(answer, Signature)}

    def _shared(self) -> Schema:
        known = [
            {"if": {"properties": {TARGET: {"const": target}}, "required": [TARGET]}, "then": ref(target)}
            for target in self._signatures
        ]
        component: Schema = {"type": "object", "properties": special_keys()}
        if known:
            component["allOf"] = known
        if self._is_whole:
            component["anyOf"] = [{"required": [key]} for key in (TARGET, f"={TARGET}", "<<")]
        return {
            REFERENCE: {"type": "string", "pattern": "^[@%$]", "title": "a reference or an expression"},
            VALUE: {
                "if": {"type": "object"},
                "then": ref(MAPPING),
                "else": {"if": {"type": "array"}, "then": {"items": ref(VALUE)}},
            },
            MAPPING: {
                "type": "object",
                "if": {"required": [TARGET]},
                "then": ref(COMPONENT),
                "additionalProperties": ref(VALUE),
            },
            COMPONENT: component,
        }

    def _definitions(self) -> Iterator[tuple[str, Schema]]:
        networks = {_value_at(self._tree, (*path, TARGET)) for path in NETWORK_PATHS}
        for target, signature in self._signatures.items():
            more = {"compile": {"description": "true, or arguments of torch.compile."}} if target in networks else {}
            yield target, definition_of(signature, self._reader, is_whole=self._is_whole, more=more)


def _base() -> Schema:
    return {
        "description": "The files that this one builds on, relative to it.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }


def _targets_in(tree: Any) -> Iterator[str]:
    work = [tree]
    while work:
        value = work.pop()
        if isinstance(value, dict):
            if isinstance(target := value.get(TARGET), str) and _is_text(target):
                yield target
            work.extend(reversed(value.values()))
        elif isinstance(value, list):
            work.extend(reversed(value))


def _holds_target(value: Any) -> bool:
    return next(_targets_in(value), None) is not None


def _is_text(target: Any) -> TypeGuard[str]:
    return isinstance(target, str) and not is_computed(target) and not is_copy(target)


def _value_at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
