"""Write random modules: classes and functions as libraries define them, and as nobody should."""
# ruff: noqa: E501  # one source a line

import random
from collections.abc import Callable, Sequence
from textwrap import indent

from rare_statements import RARE_STATEMENTS

PREAMBLE = """
import abc, collections, dataclasses, enum, functools, inspect, os, sys, types, typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar
T = TypeVar("T")
"""

PARAMETERS = (
    "",
    "a",
    "a, b=1",
    "a, *, c=2",
    "a, /, b=None",
    "*args",
    "**kwargs",
    "a=1, *args, d, **kwargs",
    "x: int = 3",
)

FUNCTION_DECORATORS = {
    "plain": "def {name}(function):\n    return function",
    "wraps": "def {name}(function):\n    @functools.wraps(function)\n    def wrapper(*args, **kwargs):\n        return function(*args, **kwargs)\n    return wrapper",
    "replaces": "def {name}(function):\n    def wrapper(p, q=1): ...\n    return wrapper",
    "factory": "def {name}(function=None, *, flag=True):\n    if function is None:\n        return functools.partial({name}, flag=flag)\n    @functools.wraps(function)\n    def wrapper(*args, **kwargs): ...\n    return wrapper",
    "partial": "def {name}(function):\n    return functools.partial(function)",
    "sometimes": "def {name}(function):\n    if len(function.__name__) > 4:\n        return function\n    def wrapper(z): ...\n    return wrapper",
    "signed": "import inspect\ndef {name}(function):\n    def wrapper(*args): ...\n    wrapper.__signature__ = inspect.Signature()\n    return wrapper",
}

CLASS_DECORATORS = {
    "same": "def {name}(cls):\n    cls.mark = 1\n    return cls",
    "warns": "def {name}(cls):\n    original = cls.__init__\n    @functools.wraps(original)\n    def init(self, *args, **kwargs):\n        original(self, *args, **kwargs)\n    cls.__init__ = init\n    return cls",
    "warns_by_name": "def {name}(cls):\n    def wrap(cls):\n        original = getattr(cls, '__init__')\n        @functools.wraps(original)\n        def init(self, *args, **kwargs): ...\n        setattr(cls, '__init__', init)\n        return cls\n    return wrap(cls)",
    "more": "def {name}(cls):\n    def init(self, *args, gain=1.0, **kwargs): ...\n    cls.__init__ = init\n    return cls",
    "wraps_twice": "def {name}(cls):\n    original = cls.__init__\n    @functools.wraps(original)\n    def init(self, *args, **kwargs): ...\n    cls.__init__ = init\n    cls.__new__ = lambda cls, *more: object.__new__(cls)\n    return cls",
    "subclass": "def {name}(cls):\n    return type(cls.__name__, (cls,), {{'__init__': lambda self, w: None}})",
    "wraps_other": "def {name}(cls):\n    @functools.wraps(print)\n    def init(self, *args, **kwargs): ...\n    cls.__init__ = init\n    return cls",
    "sets_signature": "import inspect\ndef {name}(cls):\n    cls.__signature__ = inspect.Signature()\n    return cls",
    "new": "def {name}(cls):\n    original = cls.__new__\n    @functools.wraps(original)\n    def new(cls, *args, **kwargs): ...\n    cls.__new__ = staticmethod(new)\n    return cls",
}

METACLASSES = {
    "plain": "class {name}(type):\n    pass",
    "abstract": "class {name}(abc.ABCMeta):\n    def __new__(meta, name, bases, body, **options):\n        return super().__new__(meta, name, bases, body)",
    "call": "class {name}(type):\n    def __call__(cls, k, *, m=1): ...",
    "wraps_made": "class {name}(type):\n    def __new__(meta, name, bases, body):\n        made = super().__new__(meta, name, bases, body)\n        original = made.__init__\n        @functools.wraps(original)\n        def init(self, *args, **kwargs): ...\n        made.__init__ = init\n        return made",
    "wraps_body": "class {name}(type):\n    def __new__(meta, name, bases, body):\n        if '__init__' in body:\n            original = body['__init__']\n            @functools.wraps(original)\n            def init(self, *args, **kwargs): ...\n            body['__init__'] = init\n        return super().__new__(meta, name, bases, body)",
    "replaces": "class {name}(type):\n    def __new__(meta, name, bases, body):\n        body['__init__'] = lambda self, v: None\n        return super().__new__(meta, name, bases, body)",
    "later": "class {name}(type):\n    def __init__(cls, name, bases, body):\n        cls.__init__ = lambda self, v: None",
    "adds_base": "class {name}(type):\n    def __new__(meta, name, bases, body):\n        return super().__new__(meta, name, (Extra, *bases), body)\nclass Extra:\n    def __init__(self, extra): ...",
}

CONDITIONS = (
    "os.environ.get('LIGHTER_NOTHING')",
    "sys.version_info >= (3, 8)",
    "HAS_JSON",
    "HAS_NOTHING",
    "not HAS_NOTHING and HAS_JSON",
    "has_json()",
    "TYPE_CHECKING",
    "len(sys.argv) > 1000",
    "FLAG is None",
)

FLAGS = """
try:
    import json
    HAS_JSON = True
except ImportError:
    HAS_JSON = False
try:
    import a_module_that_is_nowhere
    HAS_NOTHING = True
except ImportError:
    HAS_NOTHING = False
FLAG = None
def has_json():
    return HAS_JSON
"""


class Writer:
    """Writes one module from a seed.

    Attributes:
        names: What may be asked for, and used by later statements.
        other: The module beside it, which it may import from.
    """

    def __init__(self, seed: int, other: str, names_of_other: Sequence[str]) -> None:
        self.random = random.Random(seed)
        self.other = other
        self.names_of_other = list(names_of_other)
        self.parts = [PREAMBLE, FLAGS]
        self.classes: list[str] = []
        self.functions: list[str] = []
        self.attributes: list[str] = []
        self.helpers: dict[str, list[str]] = {"function": [], "class": [], "meta": []}
        self.count = 0

    @property
    def names(self) -> list[str]:
        return [*self.classes, *self.functions]

    @property
    def asked(self) -> list[str]:
        """What may be asked for: names, and attributes of classes."""
        return [*self.names, *self.attributes]

    def write(self) -> str:
        for _ in range(self.random.randint(2, 4)):
            self._helper("function", FUNCTION_DECORATORS)
            self._helper("class", CLASS_DECORATORS)
            self._helper("meta", METACLASSES)
        steps: list[Callable[[], str]] = [
            self._function,
            self._class,
            self._class,
            self._dataclass,
            self._tuple,
            self._conditional,
            self._tried,
            self._computed,
            self._subclasses,
            self._imported,
            self._patched,
            self._again,
            *[self._rare] * 4,
        ]
        for _ in range(self.random.randint(5, 10)):
            self.parts.append(self.random.choice(steps)())
        if self.random.random() < 0.3:
            self.parts.append(self._exports())
        return "\n".join(self.parts)

    def _name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def _helper(self, kind: str, texts: dict[str, str]) -> None:
        name = self._name(f"_{kind}_")
        self.helpers[kind].append(name)
        self.parts.append(texts[self.random.choice(list(texts))].format(name=name))

    def _parameters(self, first: str = "") -> str:
        return ", ".join(part for part in (first, self.random.choice(PARAMETERS)) if part)

    def _decorators(self, kind: str, share: float = 0.4) -> str:
        chosen = [one for one in self.helpers[kind] if self.random.random() < share / 2]
        return "".join(f"@{name}\n" for name in chosen)

    def _function(self, name: str = "") -> str:
        name = name or self._name("function_")
        self.functions.append(name)
        return f"{self._decorators('function')}def {name}({self._parameters()}): ..."

    def _bases(self) -> list[str]:
        bases = [one for one in self.classes if self.random.random() < 0.2][:2]
        if self.random.random() < 0.25:
            bases.append("Generic[T]")
        elif self.random.random() < 0.1:
            bases.append(self.random.choice(["abc.ABC", "dict", "Exception", "Protocol", "collections.OrderedDict"]))
        return bases

    def _body(self) -> str:
        lines = []
        if self.random.random() < 0.6:
            lines.append(f"{self._decorators('function', 0.2)}def __init__({self._parameters('self')}): ...")
        if self.random.random() < 0.1:
            lines.append(f"def __new__({self._parameters('cls')}): ...")
        if self.random.random() < 0.1:
            lines.append("def __init_subclass__(cls, **options): super().__init_subclass__(**options)")
        if self.random.random() < 0.05:
            lines.append("locals()['__in' + 'it__'] = lambda self, hidden: None")
        if self.random.random() < 0.1:
            lines.append("__init__ = lambda self, short: None")
        return indent("\n".join(lines) or "pass", "    ")

    def _class(self, name: str = "") -> str:
        name = name or self._name("Class")
        arguments = self._bases()
        if self.random.random() < 0.25 and self.helpers["meta"]:
            arguments.append(f"metaclass={self.random.choice(self.helpers['meta'])}")
        text = f"{self._decorators('class')}class {name}({', '.join(arguments)}):\n{self._body()}"
        self.classes.append(name)
        return self._guarded(text, name)

    def _guarded(self, text: str, name: str) -> str:
        """A statement that may fail, as for bases without an order: the name stays what it was."""
        return f"try:\n{indent(text, '    ')}\nexcept TypeError:\n    {name} = None"

    def _dataclass(self) -> str:
        name = self._name("Data")
        options = self.random.choice(["", "", "(kw_only=True)", "(init=False)", "(frozen=True)"])
        bases = [one for one in self.classes if one.startswith("Data") and self.random.random() < 0.4][:1]
        fields = [
            "v: int",
            "w: float = 0.5",
            "x: list = field(default_factory=list)",
            "y: int = field(init=False, default=1)",
        ]
        chosen = [one for one in fields if self.random.random() < 0.6] or ["v: int = 1"]
        if self.random.random() < 0.2:
            chosen.append(f"def __init__({self._parameters('self')}): ...")
        body = indent("\n".join(chosen), "    ")
        text = f"{self._decorators('class', 0.3)}@dataclass{options}\n{self._decorators('class', 0.1)}class {name}({', '.join(bases)}):\n{body}"
        self.classes.append(name)
        return self._guarded(text, name)

    def _tuple(self) -> str:
        name = self._name("Tuple")
        self.classes.append(name)
        return f"class {name}(NamedTuple):\n    first: int\n    second: str = 'b'"

    def _nested(self, names: Sequence[str]) -> str:
        texts = []
        for name in names:
            kind = self.random.random()
            texts.append(self._function(name) if kind < 0.6 else f"class {name}:\n{self._body()}")
        return indent("\n".join(texts) or "pass", "    ")

    def _conditional(self) -> str:
        first, second = self._name("either_"), self._name("either_")
        test = self.random.choice(CONDITIONS)
        text = f"if {test}:\n{self._nested([first, second])}"
        if self.random.random() < 0.8:
            text += f"\nelse:\n{self._nested([first] if self.random.random() < 0.3 else [first, second])}"
        return text

    def _tried(self) -> str:
        name = self._name("tried_")
        statement = self.random.choice(
            [
                f"from a_module_that_is_nowhere import {name}",
                f"from json import {name}",
                f"from json import dumps as {name}",
                "import a_module_that_is_nowhere.part",
                "import json.decoder",
                "if not HAS_NOTHING:\n    raise ImportError",
                "if not has_json():\n    raise ImportError",
                f"from {self.other} import {self.random.choice([*self.names_of_other, 'gone'])} as {name}",
                "len(sys.argv)",
            ]
        )
        body = indent(statement, "    ")
        if self.random.random() < 0.4:
            body += f"\n{self._nested([name])}"
        error = self.random.choice(["ImportError", "ModuleNotFoundError", "Exception", "(ImportError, KeyError)"])
        text = f"try:\n{body}\nexcept {error}:\n{self._nested([name] if self.random.random() < 0.8 else [])}"
        if self.random.random() < 0.4:
            text += f"\nelse:\n{self._nested([name])}"
        return f"try:\n{indent(text, '    ')}\nexcept ImportError:\n    pass"

    def _computed(self) -> str:
        made = self._name("Made")
        old = self.random.choice(self.names or [made])
        self.functions.append(made)
        return self.random.choice(
            [
                f"g_ = globals()\nfor n_ in ('{made}',): g_[n_] = type(n_, (), {{}})",
                f"def fill_{made}(names, where):\n    where.update({{n: len for n in names}})\nfill_{made}(['{made}'], globals())",
                f"globals().update({made}=lambda z: z)",
                f"for n_ in ['{old}']: globals()[n_] = lambda replaced: None",
                f"globals()['{old}'] = lambda replaced: None",
                f"setattr(sys.modules[__name__], '{old}', lambda replaced: None)",
                f"vars()['{made}'] = lambda z: z",
                f"x_ = [n for n in globals()]\ny_ = globals().get('{made}')",
                f"sys.modules[__name__].{made} = lambda z: z",
            ]
        )

    def _subclasses(self) -> str:
        base, child = self._name("Base"), self._name("Child")
        hook = self.random.choice(
            [
                "cls.__init__ = lambda self, hooked: None",
                "cls.mark = 1",
                "setattr(cls, '__init__', lambda self, hooked: None)",
                "dataclass(cls)",
                "functools.partial(setattr, cls)('__init__', lambda self, hooked: None)",
                "for n in ('__init__',): setattr(cls, n, lambda self, hooked: None)",
                "type.__setattr__(cls, '__in' 'it__', lambda self, hooked: None)",
            ]
        )
        self.classes += [base, child]
        return f"class {base}:\n    def __init_subclass__(cls, **options):\n        {hook}\n{self._body()}\nclass {child}({base}):\n    u: int = 1\n{self._body()}"

    def _imported(self) -> str:
        if not self.names_of_other or self.random.random() < 0.4:
            self.functions += self.names_of_other
            return f"from {self.other} import *"
        name = self.random.choice(self.names_of_other)
        self.functions.append(name)
        return f"from {self.other} import {name}"

    def _patched(self) -> str:
        if not self.classes:
            return "pass"
        name = self.random.choice(self.classes)
        return self.random.choice(
            [
                f"try: {name}.__init__ = lambda self, patched: None\nexcept Exception: pass",
                f"def patch_{self.count}(c): c.__init__ = lambda self, patched: None\ntry: patch_{self.count}({name})\nexcept Exception: pass",
                f"try: setattr({name}, '__init__', lambda self, patched: None)\nexcept Exception: pass",
                f"for c_ in [{name}]:\n    if c_: c_.__init__ = lambda self, patched: None",
                f"try: {name}.other = 1\nexcept Exception: pass",
            ]
        )

    def _again(self) -> str:
        """Bind a name anew, or under a second name."""
        if not self.names:
            return "pass"
        name = self.random.choice(self.names)
        other = self._name("alias_")
        self.functions.append(other)
        return self.random.choice(
            [
                f"{other} = {name}",
                f"{other} = functools.partial({name}) if {name} else None",
                f"{name} = {other} = {name}",
                f"del {name}",
                f"def {name}(again): ...\n{other} = {name}",
                f"{other}, rest_ = {name}, 1",
            ]
        )

    def _rare(self) -> str:
        """One of the rare statements, with names and parameters of its own."""
        text = self.random.choice(RARE_STATEMENTS)
        made = {key: self._name(f"rare_{key}") for key in ("m", "n", "o")}
        (self.classes if "class {n}" in text else self.functions).append(made["n"])
        self.attributes += [f"{made['n']}.{method}" for method in ("make", "build", "run") if method in text]
        filled = text.format(
            **made,
            c=self.random.choice(self.classes or ["object"]),
            d=self.random.choice(self.classes or ["dict"]),
            p=self._parameters(),
            q=self._parameters(),
            s=self._parameters("self"),
            t=self._parameters("self"),
            test=self.random.choice(CONDITIONS),
            other=self.other,
            theirs=self.random.choice(self.names_of_other or ["gone"]),
        )
        is_guarded = "{c}" in text or "{d}" in text or "{theirs}" in text or self.random.random() < 0.2
        return f"try:\n{indent(filled, '    ')}\nexcept Exception:\n    pass" if is_guarded else filled

    def _exports(self) -> str:
        """A list of what a star import brings, put together in one of the ways that libraries have."""
        names = [one for one in self.names if self.random.random() < 0.7]
        half = len(names) // 2
        return self.random.choice(
            [
                f"__all__ = {names}",
                f"__all__ = {names[:half]}\n__all__ += {names[half:]}",
                f"__all__ = {names[:half]} + {names[half:]}",
                f"__all__ = {names[:half]}\n__all__.extend({names[half:]})",
                f"__all__ = {names}\nif __all__: __all__.remove(__all__[0])",
                f"__all__ = [n for n in globals() if n in {names}]",
                f"__all__ = {names[:half]}\nif {self.random.choice(CONDITIONS)}:\n    __all__ += {names[half:]}",
                f"_names = {names}\n__all__ = tuple(_names)",
                f"__all__ = {names}\nfrom {self.other} import *",
            ]
        )
