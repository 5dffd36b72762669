"""What a class, a function or a decorated object takes when it is called."""

import ast
import sys
from collections.abc import Sequence
from dataclasses import replace

from lighter_config.signatures.answers.calls import MAX_DEPTH, Calls
from lighter_config.signatures.answers.fields import is_maker
from lighter_config.signatures.answers.generated import generated_parameters, named_tuple_parameters
from lighter_config.signatures.answers.keeping import MAKERS, NAMES_OF_MAKERS, shortened
from lighter_config.signatures.answers.pydantic_models import BASE_MODEL, is_model, read_model
from lighter_config.signatures.answers.subclass_hooks import changes_subclasses, making_hook
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.function_bodies import (
    DECIDING_NAMES,
    changes_own_names,
    mentions_deciding_names,
    passes_all_on,
)
from lighter_config.signatures.text.kept_constructors import (
    changes_bases,
    changes_body_alone,
    chooses_keywords,
    wrappers_of_init,
)
from lighter_config.signatures.text.parameters import Parameters, partially_applied, read_parameters, without_first
from lighter_config.signatures.values.compiled_additions import COMPILED_FUNCTIONS
from lighter_config.signatures.values.library import PLACEHOLDER, Library
from lighter_config.signatures.values.value import (
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    ExpressionValue,
    FunctionValue,
    Scope,
    Unclear,
    Value,
)

_DECIDING_FOR_FUNCTIONS = frozenset({"__code__", "__defaults__", "__kwdefaults__", "__signature__", "__wrapped__"})


class Callables:
    """Work out the parameters of values that a library found."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.calls = Calls(library)
        self._depth = 0

    def parameters(self, value: Value) -> Parameters | Unclear:
        """The parameters of anything that can be called."""
        if self._depth > MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            return self._parameters(value)
        finally:
            self._depth -= 1

    def _parameters(self, value: Value) -> Parameters | Unclear:
        match value:
            case FunctionValue():
                return self._of_function(value)
            case ClassValue():
                return self._of_class(value)
            case ExpressionValue(node=ast.Call() as call, scope=scope):
                return self._of_call(call, scope)
            case ExpressionValue(node=ast.Subscript()):
                cls = self.library.classes.unsubscripted(value)
                return self._of_class(cls) if isinstance(cls, ClassValue) else Unclear("its value is computed")
            case ChoiceValue(options=options):
                found = [self.parameters(option) for option in options]
                if all(one == found[0] for one in found):
                    return found[0]
                return Unclear("it is defined in several ways, and which one holds shows only when it is imported")
            case Unclear():
                return value
            case BuiltinValue(name=name):
                return Unclear(f"{name} is part of the interpreter")
            case _:
                return Unclear("its value is computed")

    def _of_function(self, function: FunctionValue) -> Parameters | Unclear:
        module = self.library.modules.find(function.module)
        if module is not None and module.kind == "stub" and not function.decorators:
            self.calls.is_exact = False  # a stub may leave something out
        if function.module in COMPILED_FUNCTIONS or function.stub:
            self.calls.is_exact = False
            return read_parameters(function.node.args, function.scope.module)
        for name, attribute in self.library.classes.patches(function):
            if name in (function.qualname, "*") and attribute in _DECIDING_FOR_FUNCTIONS:
                return Unclear(f"{function.name}.{attribute} is replaced after the function was made")
        parameters: Parameters | Unclear = self._undecorated(function)
        if function.decorators:
            decorated = self.calls.decorated(function)
            if isinstance(decorated, Unclear):
                return _at(decorated, function.module, function.node)
            if decorated != replace(function, is_bound=False):
                parameters = self.parameters(decorated)
        if isinstance(parameters, Unclear) or not function.is_bound:
            return parameters
        return without_first(parameters) or ()

    def _undecorated(self, function: FunctionValue) -> Parameters:
        return read_parameters(function.node.args, function.module, owner=function.owner.rpartition(".")[2])

    def _of_call(self, call: ast.Call, scope: Scope) -> Parameters | Unclear:
        callee = self.library.evaluate(call.func, scope)
        if callee == BuiltinValue("functools.partial"):
            if not call.args or any(isinstance(argument, ast.Starred) for argument in call.args):
                return Unclear("a partial of something that is not written out")
            if any(keyword.arg is None for keyword in call.keywords):
                return Unclear("a partial with arguments that are not written out")
            inner = self.parameters(self.library.evaluate(call.args[0], scope))
            if isinstance(inner, Unclear):
                return inner
            given = [(str(keyword.arg), ast.unparse(keyword.value)) for keyword in call.keywords]
            values = [self.library.evaluate(argument, scope) for argument in call.args[1:]]
            if any(isinstance(value, ChoiceValue) and PLACEHOLDER in value.options for value in values):
                return Unclear("a partial with arguments that are not written out")
            left_open = [value == PLACEHOLDER for value in values]
            return partially_applied(inner, left_open, given) or Unclear("a partial that does not fit")
        if callee in (BuiltinValue("collections.namedtuple"), BuiltinValue("typing.NamedTuple")):
            return named_tuple_parameters(call, scope.module)
        value = self.calls.called(call, scope)
        if isinstance(value, ExpressionValue) and value.node is call:
            return Unclear(f"the result of {ast.unparse(call.func)}(...)")
        return self.parameters(value)

    def _of_class(self, cls: ClassValue) -> Parameters | Unclear:
        order = self.library.classes.mro(cls)
        if isinstance(order, Unclear):
            return order
        if is_model(order):
            return self._of_model(cls, order)
        if BuiltinValue("typing.TypedDict") in order:
            return Unclear("a TypedDict takes what its keys say")
        before = self.calls.wraps_init
        is_wrapped = False
        try:
            for base in order:
                if isinstance(base, ClassValue):
                    self.calls.wraps_init = False
                    obstacle = self._obstacle(base, cls)
                    if obstacle is not None:
                        return _at(obstacle, base.module, base.node)
                    if self.calls.wraps_init and base != cls and not self._makes_itself(base):
                        return Unclear(f"{base.name} gets an __init__ around one that it inherits")
                    is_wrapped |= self.calls.wraps_init
            self.calls.wraps_init = is_wrapped
            metaclass_call = self._metaclass_call(order)
            if metaclass_call is not None:
                return metaclass_call
            if self.calls.wraps_init and (self._first(order, "__new__") or not self._first(order, "__init__")):
                return Unclear(f"{cls.name} gets an __init__ around one that is not written")
        finally:
            self.calls.wraps_init = before
        return self._constructor(cls, order)

    def _of_model(self, cls: ClassValue, order: Sequence[ClassValue | BuiltinValue]) -> Parameters | Unclear:
        """The parameters of a model of pydantic, whose metaclass makes its signature of its fields."""
        for base in order:
            if isinstance(base, ClassValue) and base.name != BASE_MODEL:
                self.calls.wraps_init = False
                obstacle = self._obstacle(base, cls)
                if obstacle is not None or self.calls.wraps_init:
                    unclear = obstacle or Unclear(f"{base.name} gets another __init__")
                    return _at(unclear, base.module, base.node)
        model = read_model(self.library, cls, order)
        if isinstance(model, Unclear):
            return model
        self.calls.is_exact &= model.is_exact
        return model.parameters

    def _obstacle(self, cls: ClassValue, made: ClassValue) -> Unclear | None:
        """Why the statements of a class do not tell how it, or another one that it is a base of, is called."""
        body = self.library.classes.body(cls)
        annotated = {
            statement.target.id
            for statement in cls.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        }
        if "__signature__" in body.names or "__signature__" in annotated:
            return Unclear(f"{cls.name} computes its signature")
        for name, attribute in self.library.classes.patches(cls):
            if name in (cls.qualname, "*") and attribute in DECIDING_NAMES:
                return Unclear(f"{cls.name}.{attribute} is replaced after the class was made")
        for callee in self.library.classes.receivers(cls):
            function = self.library.evaluate(callee, Scope(cls.module))
            if (
                isinstance(function, FunctionValue)
                and function.module.partition(".")[0] not in sys.stdlib_module_names
                and mentions_deciding_names(function.node)
            ) or _may_be_maker(function, callee):
                return Unclear(f"{ast.unparse(callee)} may change {cls.name} after it was made")
        hook = self.library.classes.own_attribute(cls, "__init_subclass__")
        is_changing = cls != made and isinstance(hook, FunctionValue) and changes_subclasses(self.library, hook)
        if is_changing and not self._makes_dataclasses(hook, made):
            return Unclear(f"{cls.name} changes how its subclasses are made")
        if changes_own_names(cls.node):
            return Unclear(f"{cls.name} binds computed names")
        before = self.calls.refuses_none
        unclear = self._decorators_obstacle(cls)
        if cls != made and self._makes_itself(made):
            self.calls.refuses_none = before  # what is made has a constructor of its own
        return unclear

    def _decorators_obstacle(self, cls: ClassValue) -> Unclear | None:
        """Why the decorators of a class do not leave it as its statements say."""
        is_below_maker = is_wrapped = False
        for decorator in cls.node.decorator_list:
            if is_maker(self.library, cls, decorator):
                is_below_maker = True
                continue
            reason = f"what the decorator {shortened(decorator)} makes of {cls.name} is not known"
            unclear = _at(Unclear(reason), cls.module, decorator)
            self.calls.wraps_init = False
            if self.calls.applied(decorator, cls, cls.scope) != cls or (is_below_maker and self.calls.wraps_init):
                return unclear  # no constructor is generated over one that is there already
            is_wrapped |= self.calls.wraps_init
        self.calls.wraps_init = is_wrapped
        return None

    def _makes_dataclasses(self, hook: Value | None, made: ClassValue) -> bool:
        """Return whether a hook of a base makes a dataclass of a class, and changes nothing else that decides."""
        making = making_hook(self.library, made)
        if making is None or making.function != hook:
            return False
        before = self.calls.wraps_init, self.calls.refuses_none
        try:
            for wrapper in making.wrappers:
                self.calls.wraps_init = False
                if self.calls.applied(wrapper, made, making.function.scope) != made or not self.calls.wraps_init:
                    return False
        finally:
            self.calls.wraps_init = before[0]
        if self.library.classes.own_attribute(made, "__init__") is not None:
            self.calls.refuses_none = before[1]
        return True

    def _metaclass_call(self, order: Sequence[ClassValue | BuiltinValue]) -> Parameters | Unclear | None:
        """The parameters that a metaclass with its own ``__call__`` asks for; ``None`` when there is none."""
        metaclasses: list[Value] = []
        for base in order:
            if isinstance(base, ClassValue):
                metaclasses.extend(
                    self.library.evaluate(keyword.value, base.scope)
                    for keyword in base.node.keywords
                    if keyword.arg == "metaclass"
                )
        plain = (BuiltinValue("abc.ABCMeta"), BuiltinValue("builtins.type"))
        for metaclass in dict.fromkeys(metaclasses):
            if metaclass in plain:
                continue
            if not isinstance(metaclass, ClassValue):
                return Unclear("its metaclass is not known")
            bases = self.library.classes.mro(metaclass)
            if isinstance(bases, Unclear):
                return bases
            for base in bases:
                if isinstance(base, ClassValue):
                    if "__signature__" in self.library.classes.body(base).names:
                        return Unclear(f"the metaclass {base.name} computes the signatures of its classes")
                    call = self.library.classes.own_attribute(base, "__call__")
                    if call is not None:
                        if self._has_other_first(call, "__call__"):
                            return Unclear(f"{base.name}.__call__ does not get the class")
                        parameters = self.parameters(call)
                        if isinstance(parameters, Unclear):
                            return parameters
                        return without_first(parameters) or ()
                    prepared = self.library.classes.own_attribute(base, "__prepare__")
                    if prepared is not None and (
                        not isinstance(prepared, FunctionValue) or mentions_deciding_names(prepared.node)
                    ):
                        return Unclear(f"the metaclass {base.name} fills the bodies of its classes")
                    for name in ("__new__", "__init__"):
                        method = self.library.classes.own_attribute(base, name)
                        if name == "__new__" and isinstance(method, FunctionValue) and changes_bases(method.node):
                            return Unclear(f"the metaclass {base.name} changes the bases of its classes")
                        if isinstance(method, FunctionValue) and mentions_deciding_names(method.node):
                            if not isinstance(method.node, ast.Lambda) and name == "__new__":
                                wrappers = wrappers_of_init(method.node)
                                if wrappers is not None and self._all_make_themselves(order, method.node):
                                    self.calls.wraps_init = True
                                    self.calls.is_exact &= all(map(passes_all_on, wrappers))
                                    chosen = (chooses_keywords(method.node, wrapper) for wrapper in wrappers)
                                    self.calls.refuses_none |= any(chosen)
                                    continue
                            return Unclear(f"the metaclass {base.name} changes how its classes are made")
                elif base.name not in ("abc.ABCMeta", "builtins.type", "builtins.object"):
                    return Unclear(f"the metaclass {base.name} is compiled")
        return None

    def _constructor(self, cls: ClassValue, order: Sequence[ClassValue | BuiltinValue]) -> Parameters | Unclear:
        new = self._first(order, "__new__")
        init = self._first(order, "__init__")
        if new is None and init is None:
            compiled = [base.name for base in order if isinstance(base, BuiltinValue) and not _is_plain(base)]
            if compiled:
                return Unclear(f"its constructor is that of {compiled[0]}, which is compiled")
            if any(self._is_of_stub(base) for base in order):
                return Unclear(f"the stub of {cls.module} does not tell how {cls.qualname} is made")
            return ()
        if new is None or init is None:
            found = new or init
            assert found is not None
            return found[1]
        # Python up to 3.12 prefers an inherited __new__, later versions the nearest of the two.
        nearest = new if new[0] <= init[0] else init
        preferred = init if init[0] == 0 and new[0] != 0 else new
        if nearest[1] == preferred[1]:
            return nearest[1]
        return Unclear(f"{cls.name} inherits both __new__ and __init__, which take different arguments")

    def _has_other_first(self, method: Value, name: str) -> bool:
        """Return whether a method that makes objects gets no object, or a class instead of it."""
        others = ["classmethod"] if name == "__new__" else ["classmethod", "staticmethod"]
        kinds = [BuiltinValue(f"builtins.{other}") for other in others]
        if not isinstance(method, FunctionValue):
            return False
        return any(self.library.evaluate(one, method.scope) in kinds for one in method.decorators)

    def _makes_itself(self, cls: ClassValue) -> bool:
        """Return whether the class statement itself has an ``__init__``, written or generated."""
        generated = generated_parameters(self.library, cls)
        is_generated = generated is not None and generated.method == "__init__"
        return is_generated or self.library.classes.own_attribute(cls, "__init__") is not None

    def _all_make_themselves(
        self, order: Sequence[ClassValue | BuiltinValue], new: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> bool:
        """Return whether a metaclass wraps only what class statements write: else the order of bases would matter."""
        if changes_body_alone(new):
            return True
        return all(self._makes_itself(base) for base in order[1:] if isinstance(base, ClassValue))

    def _is_of_stub(self, base: ClassValue | BuiltinValue) -> bool:
        module = self.library.modules.find(base.module) if isinstance(base, ClassValue) else None
        return module is not None and module.kind == "stub"

    def _first(self, order: Sequence[ClassValue | BuiltinValue], name: str) -> tuple[int, Parameters | Unclear] | None:
        """The first class in the order that has a constructor of this name in Python, and its parameters."""
        for index, base in enumerate(order):
            if isinstance(base, BuiltinValue):
                if base.name == "typing.Protocol" and name == "__init__":
                    return index, Unclear("a protocol does not define a constructor")
                if not _is_plain(base):
                    return None  # what is behind a compiled constructor is not reached
                continue
            method = self.library.classes.own_attribute(base, name)
            if method is None:
                generated = generated_parameters(self.library, base)
                if generated is not None and generated.method == name:
                    return index, generated.parameters
                continue
            if isinstance(method, Unclear):
                return index, method
            if not isinstance(method, FunctionValue):
                return index, Unclear(f"{base.name}.{name} is computed")
            if self._has_other_first(method, name):
                return index, Unclear(f"{base.name}.{name} does not get the object")
            if method.decorators and isinstance(self.calls.decorated(method), ExpressionValue):
                return index, Unclear(f"{base.name}.{name} is an object, which may not get the one that is made")
            parameters = self.parameters(replace(method, is_bound=False))
            if isinstance(parameters, Unclear):
                return index, parameters
            bound = without_first(parameters)
            return index, bound if bound is not None else Unclear(f"{base.name}.{name} takes no object")
        return None


def _may_be_maker(function: Value, callee: ast.expr) -> bool:
    if isinstance(function, (Unclear, ChoiceValue)):
        return last_name(callee) in NAMES_OF_MAKERS
    return isinstance(function, FunctionValue) and function.name in MAKERS


def _at(unclear: Unclear, module: str, node: ast.stmt | ast.expr) -> Unclear:
    """Why something is not known, with its place if it has none yet."""
    return unclear if unclear.place[0] else replace(unclear, place=(module, node.lineno))


def _is_plain(base: BuiltinValue) -> bool:
    """Return whether a builtin base leaves construction to ``object``."""
    return base.name in ("abc.ABC", "builtins.object", "typing.Generic", "typing.NamedTuple") or base.name.startswith(
        "collections.abc."
    )
