"""docs/reference/config-language.md, rules 6.1 to 6.11: components."""

import functools
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from lighter_config import PathError, ReferenceNotFoundError, TargetError, load


class Network:
    """Remembers how it was compiled, as `torch.nn.Module.compile` would."""

    def __init__(self, depth=1):
        self.depth = depth
        self.compiled_with = None

    def compile(self, **options):
        self.compiled_with = options


class OwnCompile(Network):
    def __init__(self, compile):  # noqa: A002
        super().__init__()
        self.own = compile


def fails(**arguments):
    raise KeyError("no such thing")


def nothing():
    return None


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "mine", sys.modules[__name__])


def test_arguments_and_positional_ones():
    assert load({"a": {"_target_": "builtins.int", "_args_": ["ff"], "base": 16}}).resolve("a") == 255


def test_partial_callable_and_default_modes():
    config = load(
        {
            "partial": {"_target_": "builtins.int", "_mode_": "partial"},
            "bound": {"_target_": "builtins.int", "_mode_": "callable", "base": 2},
            "callable": {"_target_": "builtins.int", "_mode_": "callable"},
        }
    )
    assert isinstance(config.resolve("partial"), functools.partial)
    assert config.resolve("bound")("101") == 5
    assert config.resolve("callable") is int


def test_component_that_returns_none_passes_none_on():
    # rule 6.7: the argument must not be dropped
    config = load(
        {"a": {"_target_": "builtins.dict", "x": {"_target_": "mine.nothing"}}, "l": [{"_target_": "mine.nothing"}]}
    )
    assert config.resolve("a") == {"x": None}
    assert config.resolve("l") == [None]


def test_disabled_component_leaves_its_holder_and_builds_no_child():
    disabled = {"_target_": "mine.fails", "_disabled_": True, "child": {"_target_": "mine.fails"}}
    config = load(
        {"l": [1, disabled, 2], "m": {"a": disabled, "b": 1}, "c": {"_target_": "builtins.dict", "x": disabled}}
    )
    assert config.resolve("l") == [1, 2]
    assert config.resolve("m") == {"b": 1}
    assert config.resolve("c") == {}


@pytest.mark.parametrize(("flag", "built"), [(False, [1]), ("false", [1]), ("$1 > 2", [1]), ("@off", []), ("true", [])])
def test_disabled_may_be_computed(flag, built):
    config = load({"off": True, "l": [{"_target_": "builtins.int", "_args_": [1], "_disabled_": flag}]})
    assert config.resolve("l") == built


def test_reference_to_a_disabled_component_is_an_error():
    config = load({"a": {"_target_": "mine.nothing", "_disabled_": True}, "x": "@a"})
    with pytest.raises(ReferenceNotFoundError, match="disabled"):
        config.resolve("x")


def test_exception_of_a_constructor_keeps_its_type_and_gains_a_note(load_texts):
    config = load_texts("a:\n  b:\n    _target_: mine.fails\n", words=("a::b::x=1",))
    with pytest.raises(KeyError) as caught:
        config.resolve("a")
    assert caught.value.__notes__ == ["while building a::b: mine.fails (a.yaml:3:15)"]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fails"
    assert caught.value.__context__ is None


def test_note_names_the_override_that_set_the_target(load_texts):
    config = load_texts("a: {_target_: builtins.int}\n", words=("a::_target_=mine.fails",))
    with pytest.raises(KeyError) as caught:
        config.resolve("a")
    assert "command line, word 2" in caught.value.__notes__[0]


def test_import_error_of_the_users_module_keeps_its_own_frames(monkeypatch, tmp_path):
    Path("broken_module.py").write_text("import surely_missing_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="surely_missing_package") as caught:
        load({"a": {"_target_": "broken_module.Thing"}}).resolve("a")
    assert any(
        frame.filename.endswith("broken_module.py") for frame in traceback.extract_tb(caught.value.__traceback__)
    )
    assert "broken_module.Thing" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ({"_target_": "collections.Countr"}, "collections.Counter"),
        ({"_target_": "no_such_module.X"}, "no module named 'no_such_module'"),
        ({"_target_": "math.pi"}, "must name a callable, math.pi is a float"),
        ({"_target_": "not a path"}, "not a dotted"),
        ({"_target_": 5}, "is 5"),
        ({"_target_": "builtins.int", "_mode_": "partiall"}, "partial"),
        ({"_target_": "builtins.int", "_args_": 5}, "a::_args_ must be a list, is 5"),
        ({"_target_": "builtins.int", "_disabled_": "maybe"}, "true or false"),
        ({"_target_": "builtins.dict", 5: 1}, "argument of builtins.dict must be text, is 5"),
    ],
)
def test_wrong_component_is_an_error_with_its_path(component, message):
    with pytest.raises(TargetError, match=message) as caught:
        load({"a": component}).resolve("a")
    assert caught.value.findings[0].path.startswith("a")
    assert caught.value.findings[0].place is not None


def test_target_may_be_a_copy_a_reference_or_an_expression():
    config = load(
        {"name": "builtins.int", "a": {"_target_": "%name"}, "b": {"_target_": "@name"}, "c": {"_target_": "$int"}}
    )
    assert config.resolve("a") == config.resolve("b") == config.resolve("c") == 0


@pytest.mark.parametrize("layout", ["system::model", "model::network"])
@pytest.mark.parametrize(("value", "options"), [("true", {}), ("{mode: fast}", {"mode": "fast"}), ("false", None)])
def test_compile_on_the_network_compiles_the_built_module_in_place(layout, value, options):
    # rule 6.9: a constructor without such a parameter would refuse it
    config = load(
        [f"{layout.split('::')[0]}={{}}", f"{layout}={{_target_: mine.Network}}", f"{layout}::compile={value}"]
    )
    assert config.resolve(layout).compiled_with == options


def test_compile_is_argument_where_class_has_one_and_elsewhere():
    config = load({"system": {"model": {"_target_": "mine.OwnCompile", "compile": 5}}})
    assert config.resolve("system::model").own == 5
    with pytest.raises(TypeError, match="compile"):
        load({"x": {"_target_": "mine.Network", "compile": True}}).resolve("x")


def test_resolving_nothing_is_an_error_or_the_default():
    # the default counts, also when it is None
    config = load({"trainer": {}})
    assert config.resolve("trainr", default=None) is None
    with pytest.raises(PathError) as caught:
        config.resolve("trainr")
    assert caught.value.findings[0].nearest == ("trainer",)


def test_second_resolve_gives_the_same_instance_after_a_failure():
    # two requests for one path give one object
    config = load({"a": {"_target_": "collections.Counter"}, "b": ["@a", {"_target_": "mine.fails"}]})
    first = config.resolve("a")
    for _ in range(2):
        with pytest.raises(KeyError):
            config.resolve("b")
    assert config.resolve("a") is first


def test_nothing_is_built_that_is_not_asked_for():
    assert load({"a": {"_target_": "mine.fails"}, "b": 1}).resolve("b") == 1


def test_config_near_the_allowed_depth_is_built():
    value = 1
    for level in range(190):
        value = [value] if level % 2 else {"x": value}
    assert load({"a": value}).resolve("a") == value


def test_sparkwheel_and_torch_are_imported_only_to_build():
    code = (
        "import sys, lighter_config as c; config = c.load({'a': {'_target_': 'builtins.int'}, 'b': 1});"
        "c.prune(config, 'fit'); c.to_yaml(config); config.expanded();"
        "assert not {'torch', 'sparkwheel'} & set(sys.modules);"
        "config.resolve('a'); assert 'sparkwheel' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
