"""What a target takes, as JSON Schema: its arguments with their types, defaults and documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from lighter_cli.describing.docstrings import read_documentation, without_markup
from lighter_config import Signature, SignatureReader
from lighter_config.building.resolving import ARGUMENTS, COMPONENT_MODES, DISABLED, MODE, TARGET
from lighter_config.sections import IMPORTS, REQUIRES
from lighter_config.signatures import Parameter
from lighter_config.signatures.answers.accepted import KINDS, literal_default
from lighter_config.signatures.answers.mismatch import UNWRITTEN
from lighter_config.tree.node import NAME

Schema = dict[str, Any]

VALUE, MAPPING, COMPONENT, REFERENCE = "value", "mapping", "component", "reference"
"""The names of the definitions that all others use."""

OPERATORS = {"^[~+]": True, "::|#": True, r"^\\": True, "^<<$": True}
"""Keys that say more than a name: deletions, appended items, paths, signs that are text, and merge keys of YAML."""


def ref(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{name.replace('~', '~0').replace('/', '~1')}"}


def special_keys(target: str = "") -> Schema:
    """Return the schemas of the keys that every component may have.

    Args:
        target: What it names; any text without one.
    """
    return {
        TARGET: {
            "type": "string",
            "description": "The import path of a class or function, which the other keys are the arguments of.",
            **({"const": target} if target else {}),
        },
        ARGUMENTS: {"description": "A list of arguments by position.", "anyOf": [ref(REFERENCE), _list_of_values()]},
        MODE: {
            "description": "default calls the target, partial gives a functools.partial, callable the target itself.",
            "anyOf": [ref(REFERENCE), {"enum": list(COMPONENT_MODES)}],
        },
        DISABLED: {"description": "true leaves the component out.", "type": ["boolean", "string", "null"]},
        NAME: {"type": "string", "description": "A name that paths may use in place of the index in the list."},
        IMPORTS: {"description": "Modules for expressions, by their names in them.", "type": ["object", "string"]},
        REQUIRES: {"description": "Imports for expressions, in the form of earlier versions."},
    }


def definition_of(signature: Signature, reader: SignatureReader, *, is_whole: bool, more: Mapping[str, Any]) -> Schema:
    """Return the schema of mappings that call a target.

    Args:
        signature: What it takes.
        reader: Reads what values the arguments take.
        is_whole: Whether no other file brings what a mapping lacks.
        more: Further keys, which are no arguments.
    """
    documentation = read_documentation(signature)
    arguments = [parameter for parameter in signature.parameters if parameter.accepts_keyword]
    properties = {}
    for argument in arguments:
        about, choices = documentation.arguments.get(argument.name, ""), reader.choices(signature.target, argument.name)
        properties[argument.name] = argument_schema(argument, reader, about, choices)
    is_open = signature.accepts_any_keyword or not signature.is_exact
    names = "|".join([*(argument.name for argument in arguments), TARGET, ARGUMENTS, MODE, DISABLED, NAME])
    definition: Schema = {
        "title": signature.name.rpartition(".")[2],
        "description": without_markup(documentation.summary),
        "type": "object",
        "properties": {**properties, **more, **special_keys()},
        "patternProperties": {**OPERATORS, f"^=({names})$": True},
        "additionalProperties": ref(VALUE) if is_open else False,
    }
    required = [parameter.name for parameter in signature.parameters if parameter.required]
    if required and is_whole:
        definition |= _required(required)
    return definition


def argument_schema(
    argument: Parameter, reader: SignatureReader, documentation: str = "", choices: tuple[str, ...] = ()
) -> Schema:
    """Return the schema of the values of one argument: those of its annotation, or what builds one.

    Args:
        argument: The parameter that takes it.
        reader: Reads what its annotation takes.
        documentation: Its description.
        choices: The texts that the target takes, if it refuses all others.
    """
    accepted = reader.accepted(argument)
    schema: Schema = {"title": f"{argument.name}: {argument.annotation}" if argument.annotation else argument.name}
    if documentation:
        schema["description"] = without_markup(documentation)
    default = literal_default(argument.default)
    if default is not UNWRITTEN and argument.default is not None:
        schema["default"] = default
    kinds = [*accepted.kinds, *(["null"] if argument.default == "None" and "null" not in accepted.kinds else [])]
    if set(kinds) == set(accepted.item_kinds) == set(KINDS) and not choices:
        return schema | {"allOf": [ref(VALUE)]}
    items = _value(accepted.item_kinds, accepted.item_choices, _list_of_values())
    listed = accepted.choices
    if choices and "string" in kinds:
        kinds.remove("string")
        listed = (*listed, *choices)
    return schema | _value(kinds, listed, {"type": "array", "items": items})


def _value(kinds: Sequence[str], choices: Sequence[Any], of_lists: Schema) -> Schema:
    """Return the schema of a value of some kinds or some choices, or of what builds it."""
    scalars = [kind for kind in kinds if kind not in ("array", "object")]
    if "number" in scalars and "integer" in scalars:
        scalars.remove("integer")
    parts: list[Schema] = [{"enum": list(choices)}] if choices else []
    if scalars:
        parts.append({"type": scalars[0] if len(scalars) == 1 else scalars})
    if "array" in kinds:
        parts.append(of_lists)
    if "string" not in kinds:
        parts.append(ref(REFERENCE))
    return {"anyOf": [*parts, ref(MAPPING if "object" in kinds else COMPONENT)]}


def _list_of_values() -> Schema:
    return {"type": "array", "items": ref(VALUE)}


def _required(names: list[str]) -> Schema:
    """Require arguments of a mapping that calls its target, and that gives no argument in another way."""
    ways = [{"required": [key]} for key in (ARGUMENTS, MODE, "<<")]
    return {
        "if": {
            "required": [TARGET],
            "properties": {DISABLED: {"const": False}},
            "propertyNames": {"not": {"pattern": "^[=+~]|::"}},
            "not": {"anyOf": ways},
        },
        "then": {"required": names},
    }
