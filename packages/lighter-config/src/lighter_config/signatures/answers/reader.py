"""From a dotted target to what it takes, worked out from source."""

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from lighter_config.signatures.answers.accepted import Accepted, accepted
from lighter_config.signatures.answers.annotations import Annotations
from lighter_config.signatures.answers.answer import Answer, DoesNotExist, Name, Signature, Unknown
from lighter_config.signatures.answers.callables import Callables
from lighter_config.signatures.answers.choices import Definitions, choices_of
from lighter_config.signatures.answers.class_constants import Constant, class_constant
from lighter_config.signatures.answers.mismatch import Mismatch
from lighter_config.signatures.namespaces.namespace import Assignment, Definition, ModuleImport, Namespace
from lighter_config.signatures.text.modules import PART_OF_NAME, ModuleFinder
from lighter_config.signatures.text.parameters import Parameter
from lighter_config.signatures.values.class_order import python_type
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import (
    Absent,
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    ExpressionValue,
    FunctionValue,
    ModuleValue,
    Unclear,
    Value,
)
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names

_MAX_NEAREST = 3
_MAX_COMPARED = 12  # modules among them are left out


class SourceReader:
    """Work the answers of `SignatureReader` out from source.

    Args:
        finder: Where modules are found.

    Attributes:
        modules: The modules that were read; they record what an answer depends on.
    """

    def __init__(self, finder: ModuleFinder) -> None:
        self._finder = finder
        self._library = Library(finder)
        self._callables = Callables(self._library)
        self._annotations = Annotations(self._library)
        self._definitions: Definitions = {}
        self.modules = self._library.modules

    def mismatch(self, parameter: Parameter, value: Any) -> Mismatch | None:
        """Say what in a value certainly does not fit a parameter's annotation."""
        return self._annotations.mismatch(parameter, value)

    def accepted(self, parameter: Parameter) -> Accepted:
        """Return the kinds of values that a parameter takes."""
        choices, item_choices = self._annotations.listed(parameter)
        return accepted(lambda value: self._annotations.mismatch(parameter, value), choices, item_choices)

    def choices(self, target: str, name: str) -> list[str]:
        """Return the texts that a class takes for an argument, where its source refuses all others; else nothing."""
        cls = self._library.classes.unsubscripted(self._locate(target)[0])
        return list(choices_of(self._library, cls, name, self._definitions)) if isinstance(cls, ClassValue) else []

    def class_constant(self, target: str, name: str) -> Constant:
        """Return the constant that a class has under a name; ``None`` if it is that, or is not known."""
        cls = self._library.classes.unsubscripted(self._locate(target)[0])
        return class_constant(self._library, cls, name) if isinstance(cls, ClassValue) else None

    # -- what a target takes

    def read(self, target: str) -> Answer:
        """Read what a target takes."""
        value, missing = self._locate(target)
        match value:
            case Absent(name=name, owner=owner, is_module=is_module) if not missing:
                # the name is there, but bound by an import that does not lead anywhere
                if owner and is_module:
                    return Unknown(target, f"it is imported from {owner}.{name}, which was not found")
                reason = (
                    f"needs {owner}.{name}, which does not exist" if owner else f"needs {name}, which is not installed"
                )
                return DoesNotExist(target, target, "", False, reason=reason)
            case Absent(is_module=is_module):
                where, _, _ = missing.rpartition(".")
                return DoesNotExist(target, missing, where, is_module, self._nearest(target, missing))
            case Unclear():
                if not value.leads_further:
                    nearest = self._nearest(target, missing) if missing else ()
                    if self._leads_nowhere(value, target, nearest):
                        return DoesNotExist(target, missing, value.owner, True, nearest)
                    if self._is_misspelled(value, target, nearest):
                        return DoesNotExist(target, missing, value.owner, False, nearest)
                return self._unknown(target, value, value)
            case ModuleValue(name=name):
                doubt = self._library.unwritten.may_hide(name)
                if doubt is not None:
                    return self._unknown(target, doubt, doubt)
                return DoesNotExist(
                    target, target, "", False, self._nearest_callable(target), "is a module, which cannot be called"
                )
            case _:
                return self._signature(target, value)

    def _unknown(self, target: str, unclear: Unclear, value: Value) -> Unknown:
        """The answer for a value whose source does not settle it, with the place of what does not."""
        module, line = unclear.place
        if not module:
            match value.options[0] if isinstance(value, ChoiceValue) else value:
                case ClassValue(module=module, node=node) | FunctionValue(module=module, node=node):
                    line = node.lineno
                case ExpressionValue(node=node, scope=scope):
                    module, line = scope.module, node.lineno
                case _:
                    module = unclear.owner
        found = self._library.modules.find(module) if module else None
        file = found.file if found is not None else None
        return Unknown(target, unclear.reason, file or "", line if file else 0)

    def _leads_nowhere(self, value: Unclear, target: str, nearest: Sequence[str]) -> bool:
        """Return whether a path continues after a name that can only be a function, and a nearest path is complete.

        A package that gives others a module under that name has the name in its own, as `torch_npu` does for `npu`.
        """
        module = self._library.modules.find(value.owner)
        if target == f"{value.owner}.{value.name}" or module is None:
            return False
        if not nearest or isinstance(self._locate(nearest[0])[0], (Absent, Unclear)):
            return False
        self._library.modules.depends_on(f"{PART_OF_NAME}{value.name}")
        if self._finder.is_part_of_name(value.name):
            return False
        self._library.modules.depends_on_all_of(module)
        return self._finder.may_be_given(module, value.name) is None

    def _is_misspelled(self, value: Unclear, target: str, nearest: Sequence[str]) -> bool:
        """Return whether a name is in no source, stub or compiled code of a package, and nearly the same as another."""
        module = self._library.modules.find(value.owner)
        if target != f"{value.owner}.{value.name}" or module is None or any(map(str.isdigit, value.name)):
            return False  # the names of numeric types are computed
        near = [one.rpartition(".")[2] for one in nearest]
        if not nearest_names(value.name, near, likeness=NEARLY_THE_SAME):
            return False
        if not any(isinstance(self._locate(one)[0], (ClassValue, FunctionValue)) for one in nearest):
            return False
        self._library.modules.depends_on_all_of(module)
        if self._finder.may_be_given(module, value.name) is not None:
            return False
        return not self._library.compiled.may_spell(module, value.name)

    def _locate(self, target: str) -> tuple[Value, str]:
        """What a dotted path leads to; when it leads nowhere, also the part of it up to what is missing."""
        parts = target.split(".")
        if not all(part.isidentifier() for part in parts):
            return Absent(target), target
        if self._library.modules.find(parts[0]) is None:
            reason = self._finder.may_exist(parts[0])
            if reason is None and hasattr(builtins, parts[0]):
                reason = f"{parts[0]} is part of the interpreter"
            return (Unclear(reason) if reason else Absent(parts[0], is_module=True)), parts[0]
        value: Value = ModuleValue(parts[0])
        for index, part in enumerate(parts[1:], start=2):
            value = self._library.attribute(value, part)
            if isinstance(value, (Absent, Unclear)):
                # what is missing may be further away than here, when an import on the way leads nowhere
                here = value.name == part and not (isinstance(value, Absent) and value.is_module)
                return value, ".".join(parts[:index]) if here else ""
        return value, ""

    def _signature(self, target: str, value: Value) -> Answer:
        calls = self._callables.calls
        calls.is_exact, calls.refuses_none = True, False
        parameters = self._callables.parameters(value)
        if isinstance(parameters, Unclear):
            return self._unknown(target, parameters, value)
        definition = self._library.classes.unsubscripted(value.options[0] if isinstance(value, ChoiceValue) else value)
        match definition:
            case ClassValue(node=node, module=module, name=name):
                docstring = ast.get_docstring(node) or self._constructor_docstring(definition)
            case FunctionValue(node=node, module=module, name=name):
                docstring = None if isinstance(node, ast.Lambda) else ast.get_docstring(node)
            case ExpressionValue(node=node, scope=scope):
                docstring, module, name = None, scope.module, target
            case _:
                return Unknown(target, "its value is computed")
        found = self._library.modules.find(module)
        file = found.file if found is not None and found.file is not None else ""
        if isinstance(definition, FunctionValue) and definition.stub:
            file = definition.stub
        of_class = isinstance(definition, ClassValue), calls.is_exact, calls.refuses_none
        return Signature(target, name, parameters, docstring, file, node.lineno, *of_class)

    def _constructor_docstring(self, cls: ClassValue) -> str | None:
        value = self._library.classes.own_attribute(cls, "__init__")
        if isinstance(value, FunctionValue) and not isinstance(value.node, ast.Lambda):
            return ast.get_docstring(value.node)
        return None

    # -- nearest names

    def _nearest(self, target: str, missing: str) -> tuple[str, ...]:
        """Whole targets with the nearest names in place of the missing one, existing ones first, without modules."""
        before, _, name = missing.rpartition(".")
        rest = target[len(missing) :]
        names = set(self._names_in(self._locate(before)[0]) if before else self._finder.top_level())
        count = _MAX_NEAREST if rest else _MAX_COMPARED
        similar = nearest_names(name, sorted(names), count=count)
        found = [f"{before}.{near}{rest}" if before else f"{near}{rest}" for near in similar]
        if not rest:
            found = self._targets_among(found, name)
        existing = [near for near in found if not rest or not isinstance(self._locate(near)[0], (Absent, Unclear))]
        # another package is none to try; a module or class may have more than its source shows
        near = existing or (found if before else [])
        return tuple(other for other in near if other != target)[:_MAX_NEAREST]

    def _targets_among(self, near: list[str], name: str) -> list[str]:
        """Leave modules out, or return the callables that they may mean; first what ends in the name written."""
        targets = [one for one in near if not isinstance(self._locate(one)[0], ModuleValue)]
        if not targets:
            return [target for module in near for target in self._nearest_callable(module)]
        return sorted(targets, key=lambda target: not target.casefold().endswith(name.casefold()))

    def _nearest_callable(self, target: str) -> tuple[str, ...]:
        """Callables inside a module, or beside it, that are named like it."""
        before, _, name = target.rpartition(".")
        inside = [f"{target}.{near}" for near in self._similar(target, name)]
        beside = [f"{before}.{near}" for near in self._similar(before, name)] if before else []
        callables = (ClassValue, FunctionValue)
        return tuple(near for near in (*inside, *beside) if isinstance(self._locate(near)[0], callables))[:_MAX_NEAREST]

    def _similar(self, module: str, name: str) -> tuple[str, ...]:
        return nearest_names(name, sorted(set(self._names_in(self._locate(module)[0]))))

    def _names_in(self, value: Value) -> Iterator[str]:
        """The public names of a module or a class, as far as they are written."""
        if isinstance(value, ClassValue):
            order = self._library.classes.mro(value)
            for base in () if isinstance(order, Unclear) else order:
                names = (
                    self._library.classes.body(base).names if isinstance(base, ClassValue) else dir(python_type(base))
                )
                yield from (name for name in names if not name.startswith("_"))
        elif isinstance(value, ModuleValue):
            module = self._library.modules.find(value.name)
            if module is not None:
                yield from (name for name in self._finder.submodules(module) if not name.startswith("_"))
                namespace = self._library.modules.namespace(module)
                if isinstance(namespace, Namespace):
                    yield from self._public_names(namespace, set())
                    compiled = self._library.compiled.names(namespace)
                    yield from (name for name in compiled if not name.startswith("_"))

    def _public_names(self, namespace: Namespace, seen: set[str]) -> Iterator[str]:
        if namespace.module.name in seen:
            return
        seen.add(namespace.module.name)
        typing_names = namespace.typing.names if namespace.typing is not None else ()
        yield from (name for name in (*namespace.names, *typing_names) if not name.startswith("_"))
        for star in namespace.stars:
            module = self._library.modules.find(star.module)
            other = self._library.modules.namespace(module) if module is not None else None
            if isinstance(other, Namespace):
                exported = self._library.exports.names(other)
                yield from exported if exported is not None else self._public_names(other, seen)

    def names(self, target: str) -> list[Name]:
        """The public names of a module or a class, or those that an import may start with."""
        if not target:
            found = (name for name in self._finder.top_level() if not name.startswith("_"))
            return sorted(Name(name, "module") for name in set(found))
        value = self._locate(target)[0]
        return sorted(Name(name, self._kind(value, name)) for name in set(self._names_in(value)))

    def _kind(self, owner: Value, name: str) -> Literal["module", "class", "function", "value"]:
        """What a name is by how it is bound; a name that is imported, or not seen to be bound, by how it is spelled."""
        modules = self._library.modules
        if isinstance(owner, ClassValue):
            namespace: Any = self._library.classes.body(owner)
        else:
            module = modules.find(owner.name) if isinstance(owner, ModuleValue) else None
            namespace = modules.namespace(module) if module is not None else None
        for binding in namespace.bindings(name) if isinstance(namespace, Namespace) else ():
            if isinstance(binding, Definition):
                return "class" if isinstance(binding.node, ast.ClassDef) else "function"
            if isinstance(binding, ModuleImport):
                return "module"
            if isinstance(binding, Assignment):
                return "value"
        if isinstance(owner, ModuleValue) and modules.find(f"{owner.name}.{name}") is not None:
            return "module"
        return "class" if name[:1].isupper() else "function"

    # -- subclasses

    def is_subclass(self, target: str, base: str) -> bool | None:
        """Return whether a class derives from another, or is it; ``None`` when that is not known."""
        cls = self._library.classes.unsubscripted(self._locate(target)[0])
        if not isinstance(cls, ClassValue):
            return None
        root, _ = self._locate(base)
        names = {base, root.name} if isinstance(root, (ClassValue, BuiltinValue)) else {base}
        order = self._library.classes.mro(cls)
        if not isinstance(order, Unclear):
            return any(one.name in names for one in order)
        return True if self._has_base(cls, names) else None

    def _has_base(self, cls: ClassValue, names: set[str]) -> bool:
        """Return whether one of the bases that are known has one of these names, however unclear the others are."""
        pending, seen = [cls], set[str]()
        while pending:
            one = pending.pop()
            if one.name in seen:
                continue
            if one.name in names:
                return True
            seen.add(one.name)
            for node in one.node.bases:
                value = self._library.classes.unsubscripted(self._library.evaluate(node, one.scope))
                if isinstance(value, ClassValue) and value.name not in seen:
                    pending.append(value)
        return False
