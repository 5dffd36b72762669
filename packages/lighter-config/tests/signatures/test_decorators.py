"""Decorators that decide by what they get, and what they give: followed, or unknown, but never wrong."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]

# each decorator gives `wrap(given)`, which takes `x`, or what it got
IMPORTS = "import functools\nimport inspect\nfrom inspect import isclass\ndef wrap(given):\n  def wrapper(x): ...\n  return wrapper\n"


@pytest.mark.parametrize(
    ("test", "of_function", "of_class"),
    [
        ("given is None", "a", "a"),
        ("given is not None", "x", "x"),
        ("callable(given)", "x", "x"),
        ("not callable(given)", "a", "a"),
        ("isinstance(given, type)", "a", "x"),
        ("inspect.isclass(given)", "a", "x"),
        ("not isclass(given)", "x", "a"),
        ("given", "x", "x"),
        ("option", "a", "a"),
        ("not option", "x", "x"),
        ("option is None", "x", "x"),
        ("option is not None", "a", "a"),
        ("callable(option)", "a", "a"),
        ("False", "a", "a"),
        ("isinstance(option, type)", None, None),
        ("isclass(option)", None, None),
        ("callable(functools.reduce)", None, None),
        ("functools.reduce is None", None, None),
        ("hasattr(given, 'unlikely')", None, None),
        ("not hasattr(given, 'unlikely')", None, None),
        ("functools", None, None),
    ],
)
def test_a_branch_is_taken_where_its_test_is_known(
    read: Read, test: str, of_function: str | None, of_class: str | None
) -> None:
    decorator = f"{IMPORTS}def decorate(given, option=None):\n  if {test}:\n    return wrap(given)\n  return given\n"
    for thing, expected in (
        ("def thing(a): ...", of_function),
        ("class thing:\n  def __init__(self, a): ...", of_class),
    ):
        answer = read(f"{decorator}@decorate\n{thing}")
        if expected is None or (expected == "x" and thing.startswith("class")):
            assert isinstance(answer, Unknown), (test, thing)
        else:
            assert isinstance(answer, Signature), (test, thing, answer)
            assert answer.keywords == (expected,)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  return lambda x, y=1: given(x)", ("x", "y")),
        ("  def wrapper(x): ...\n  functools.update_wrapper(wrapper, given)\n  return wrapper", ("a", "b")),
        ("  def wrapper(x): ...\n  return functools.update_wrapper(wrapper, given)", ("a", "b")),
        ("  def wrapper(x): ...\n  print(wrapper, given)\n  return wrapper", ("x",)),
        ("  global log\n  'text'\n  assert given\n  pass\n  return given", ("a", "b")),
        ("  made = given\n  kept: object = made\n  return kept", ("a", "b")),
        ("  from functools import wraps as keep\n  @keep(given)\n  def wrapper(*args): ...\n  return wrapper", ("a", "b")),
        ("  import functools as tools\n  @tools.wraps(given)\n  def wrapper(*args): ...\n  return wrapper", ("a", "b")),
        ("  import importlib.util\n  @functools.wraps(given)\n  def wrapper(*args): ...\n  return wrapper", ("a", "b")),
        ("  with open(__file__):\n    return given", ("a", "b")),
        ("  with open(__file__) as file:\n    pass\n  return given", ("a", "b")),
        ("  if given.__name__:\n    return given\n  else:\n    return given", ("a", "b")),
        ("  if given.__name__:\n    made = given\n  else:\n    raise ValueError\n  return made", ("a", "b")),
        ("  if given.__name__ == '':\n    raise ValueError\n  return given", ("a", "b")),
        ("  if given.__name__:\n    made = given\n  else:\n    made = given\n  return made", ("a", "b")),
        ("  if given.__name__:\n    made = given\n  else:\n    made = 1\n  return made", None),
        ("  for made in [given]: ...\n  return made", None),
        ("  for _ in range(2):\n    return given", None),
        ("  while True:\n    return given", None),
        ("  try:\n    made = given\n  finally:\n    pass\n  return made", None),
        ("  class Made:\n    def __init__(self, x): ...\n  return Made", None),
        ("  given.__signature__ = inspect.Signature()\n  return given", None),
        ("  setattr(given, '__signature__', inspect.Signature())\n  return given", None),
        ("  setattr(given, 'mark', 1)\n  return given", ("a", "b")),
        ("  return given.__class__", None),
        ("  return [given][0]", None),
        ("  return (made := given)", ("a", "b")),
        ("  @functools.wraps(given)\n  async def wrapper(*args): ...\n  return wrapper", ("a", "b")),
        ("  def inner(x):\n    def innermost(y): ...\n    return innermost\n  return inner(given)", ("y",)),
        ("  return functools.partial(given, 1)", None),
        ("  return functools.partial(given, b=1)", None),
        ("  return keep_twice(keep_twice(given))", ("a", "b")),
        ("  return two(given, given)", None),
        ("  return many(*[given])", None),
        ("  return rest(given, given, k=given)", ("a", "b")),
        ("  return required(given)", ("a", "b")),
        ("  return needing(given, **{'other': 1})", ("a", "b")),
        ("  raise ValueError", None),
        ("  return functools.lru_cache(given)", ("a", "b")),
        ("  return keywords(option=given)", ("a", "b")),
        ("  return choosing(given)(given)", ("a", "b")),
        ("  return decorated_itself(given)", None),
    ],
)  # fmt: skip
def test_what_decorator_returns_is_followed_through_its_statements(
    takes: Takes, body: str, expected: tuple[str, ...] | None
) -> None:
    helpers = """
def keep_twice(one): return one
def many(one): return one
def two(one): return one
def rest(one, *args, **kwargs): return one
def required(one, *, option=None): return option or one
def needing(one, other): return one
def keywords(*, option): return option
def choosing(one):
  def apply(other): return other
  return apply
def twice(function): return lambda one: function(function(one))
@twice
def decorated_itself(one): return one
"""
    text = f"{IMPORTS}{helpers}def decorate(given):\n{body}\n@decorate\ndef thing(a, b=1): ..."
    assert takes(text) == expected


@pytest.mark.parametrize(
    "step", ["return keep{0}(given)", "return make{0}()(given)", "return functools.partial(keep{0})(given)"]
)
def test_decorators_inside_decorators_are_followed_to_a_depth(takes: Takes, step: str) -> None:
    def decorators(depth: int) -> str:
        kept = "def keep0(given): return given\ndef make0(): return keep0\n"
        for index in range(depth):
            kept += f"def keep{index + 1}(given): {step.format(index)}\ndef make{index + 1}(): return keep{index + 1}\n"
        return f"{IMPORTS}{kept}@keep{depth}\ndef thing(a, b=1): ..."

    assert takes(decorators(40)) is None
    assert takes(f"{decorators(40)}\nthing = keep40(thing)") is None
    assert takes(decorators(2)) in (("a", "b"), None)


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("def decorate(given):\n  yield given", None),
        ("async def decorate(given): return given", None),
        ("decorate = lambda given: given", ("a",)),
        ("decorate = functools.partial(lambda one, given: given, 1)", ("a",)),
        ("decorate = functools.partial(print)", None),
        ("decorate = print", None),
        ("def decorate(given):\n  if given is None: return 1", None),
        ("def decorate(given): return None", None),
        ("def decorate(given): raise_it()\ndef raise_it(): ...", None),
        ("class decorate:\n  def __init__(self, given): ...\n  def __call__(self, x): ...", None),
        ("class Made:\n  def __call__(self, given): return given\ndecorate = Made()", ("a",)),
        ("class Made: ...\ndecorate = Made", None),
        ("def make(option=1):\n  return functools.partial(apply, option)\ndef apply(option, given): return given\ndecorate = make()", ("a",)),
        ("def make(option=1):\n  def apply(given): return given\n  return apply\ndecorate = make(option=2)", ("a",)),
        ("def make(option=len(__name__)):\n  if option > 1: return lambda given: given\n  def apply(given):\n    @functools.wraps(given)\n    def inner(*args, **kwargs): ...\n    return inner\n  return apply\ndecorate = make()", ("a",)),
        ("def make(option=len(__name__)):\n  if option > 1: return lambda given: given\n  def apply(given): return print\n  return apply\ndecorate = make()", None),
        ("registry = {}\ndecorate = registry.setdefault('x', lambda given: given)", None),
        ("def loop(given): return loop(given) if len(given.__name__) > 99 else given\ndecorate = loop", None),
    ],
)  # fmt: skip
def test_anything_may_be_a_decorator(takes: Takes, decorator: str, expected: tuple[str, ...] | None) -> None:
    answer = takes(f"{IMPORTS}{decorator}\n@decorate\ndef thing(a): ...")
    assert answer == expected
