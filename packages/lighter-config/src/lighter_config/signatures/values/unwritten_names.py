"""Names that a module has beside those that its statements bind."""

from typing import TYPE_CHECKING

from lighter_config.signatures.namespaces.namespace import Namespace
from lighter_config.signatures.values.backends import unless_backend_is_missing
from lighter_config.signatures.values.compiled_additions import COMPILED_FUNCTIONS
from lighter_config.signatures.values.lazy_values import made_when_asked
from lighter_config.signatures.values.rebinding import may_set_attributes
from lighter_config.signatures.values.table_names import table_name
from lighter_config.signatures.values.value import Absent, FunctionValue, Scope, Unclear, Value

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library


class UnwrittenNames:
    """Says what a module makes of names that none of its statements binds.

    Args:
        library: Says what names and expressions stand for.
    """

    def __init__(self, library: "Library") -> None:
        self._library = library

    def may_hide(self, submodule: str) -> Unclear | None:
        """Why a package may hold something else under the name of its submodule; ``None`` when it cannot."""
        package, _, name = submodule.rpartition(".")
        module = self._library.modules.find(package) if package else None
        namespace = self._library.modules.namespace(module) if module is not None and module.kind == "source" else None
        if not isinstance(namespace, Namespace):
            return namespace
        if any(way.replaces_all for way in namespace.additions):
            return Unclear(f"{package} puts another object in its own place", name, package)
        later = self.given(namespace, name)
        return later if isinstance(later, Unclear) else None

    def added_later(self, namespace: Namespace, name: str) -> Value:
        """What a name may be that no statement of the module binds."""
        given = self.given(namespace, name)
        if given is not None:
            return given
        self._library.modules.depends_on_all_of(namespace.module)
        giver = self._library.modules.finder.may_be_given(namespace.module, name)
        if giver is not None:
            return Unclear(f"{giver} may add it to {namespace.module.name}", name, namespace.module.name)
        return Absent(name, namespace.module.name)

    def given(self, namespace: Namespace, name: str, *, through_star: bool = False) -> Value | None:
        """What a module makes of a name in other ways than by binding it; ``None`` when it makes nothing.

        ``through_star``, nobody asks a ``__getattr__`` for names that ``__all__`` does not list.
        """
        module = namespace.module
        promised = self.promised(namespace, name)
        if not isinstance(promised, Absent):
            return promised
        if "__getattr__" in namespace.names and not through_star:
            lazy = made_when_asked(self._library, namespace, name)
            if lazy is not None:
                return lazy
        if module.kind == "stub":
            return Unclear(f"the stub of {module.name} does not name it", name, module.name)
        added = self._added(namespace, name, through_star=through_star)
        if added is not None:
            return added
        named = self.named_by_call(namespace, name)
        if named is not None:
            return named
        for call in namespace.handed_out:
            callee = self._library.evaluate(call.func, Scope(module.name))
            if not isinstance(callee, FunctionValue) or may_set_attributes(callee.node):
                return Unclear(f"{module.name} hands itself to a call in line {call.lineno}", name, module.name)
        return None

    def promised(self, namespace: Namespace, name: str) -> Value:
        """What a module tells type checkers that its ``__getattr__``, or the object in its place, will give."""
        is_lazy = "__getattr__" in namespace.names or any(way.replaces_all for way in namespace.additions)
        if namespace.typing is None or not is_lazy:
            return Absent(name, namespace.module.name)
        value = self._library.own(namespace.typing, name)
        owner = value.module if isinstance(value, FunctionValue) else getattr(value, "owner", "")
        if owner in COMPILED_FUNCTIONS:
            return Absent(name, namespace.module.name)  # of which a loop leaves some out
        return unless_backend_is_missing(self._library, value)

    def _added(self, namespace: Namespace, name: str, *, through_star: bool) -> FunctionValue | Unclear | None:
        """What a module adds to itself as ``name``, or why it may; ``None`` when no addition can bear that name."""
        ways = [way for way in namespace.additions if way.may_bear(name) and not (way.is_asked_for and through_star)]
        if not ways:
            return None
        module = namespace.module.name
        for way in ways:
            if (compiled := self._library.compiled.function(namespace, name, way.source)) is not None:
                return compiled
        leads_further = not all(
            way.is_for_callers or self._library.compiled.is_source(way.source, module) for way in ways
        )
        return Unclear(f"{module} is not all written out: {ways[0].reason}", name, module, leads_further)

    def named_by_call(self, namespace: Namespace, name: str, *, through_star: bool = False) -> Value | None:
        """What a call with the module's name binds ``name`` to; ``None`` when no such call spells it.

        With ``through_star``, the call has to put it into ``__all__`` as well.
        """
        module = namespace.module.name
        calls = [call for call in namespace.naming_calls if name in call.texts]
        if not calls:
            return None
        callee = self._library.evaluate(calls[0].node.func, Scope(module))
        if len(calls) == 1 and calls[0].always_runs and isinstance(callee, FunctionValue):
            found = table_name(calls[0].node, callee, name)
            if found is not None and (found.is_exported or not through_star):
                return found.value
        return Unclear(f"{module} names it in a call that may add it", name, module)
