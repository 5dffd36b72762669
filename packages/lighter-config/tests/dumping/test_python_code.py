"""Python that is written from a config builds what the config builds, in the same order."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from lighter_config import ConfigError, SignatureReader, load
from lighter_config.dumping import names_of, to_python

PARTS = """
CALLS = []


def make(*args, **kwargs):
    CALLS.append(sorted(kwargs) or list(args))
    return {"number": len(CALLS), "args": args, **kwargs}


class Net:
    def __init__(self, size=1):
        CALLS.append(size)
        self.size, self.compiled = size, None

    def compile(self, **options):
        self.compiled = options

    @classmethod
    def of(cls, size):
        return cls(size)
"""


@pytest.fixture(autouse=True)
def _parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("", "other"):
        (tmp_path / folder).mkdir(exist_ok=True)
    Path("parts_of_python.py").write_text(PARTS, encoding="utf-8")
    Path("other/more_parts.py").write_text("from parts_of_python import make\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    for name in ("parts_of_python", "more_parts"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def python(yaml: str) -> str:
    """Write the statements for the key `out` of a config, with their imports."""
    Path("config.yaml").write_text(re.sub(r"\bparts\.", "parts_of_python.", yaml), encoding="utf-8")
    config = load(["config.yaml"])
    names = names_of(config)
    code = to_python(config, names, SignatureReader(), sections=["out"], indent=0)
    return "\n".join([*names.imports, *code.statements, f"result = {code.variables['out']}"])


def built(yaml: str) -> tuple[Any, list[Any]]:
    """Run the Python for `out`; return what it builds, and the calls in their order, which are the config's."""
    import parts_of_python  # type: ignore[import-not-found]

    text = python(yaml)
    parts_of_python.CALLS.clear()
    load(["config.yaml"]).resolve("out")
    expected = list(parts_of_python.CALLS)
    parts_of_python.CALLS.clear()
    scope: dict[str, Any] = {}
    exec(compile(text, "written", "exec"), scope)
    assert expected == parts_of_python.CALLS
    return scope["result"], expected


@pytest.mark.parametrize(
    "value",
    ["1", "-2.5e-3", ".inf", "null", "true", "it's", "'a \"b\"'", "[1, [2, {}]]", "{a: {1: x, null: y}}", "'\\@home'"],
)
def test_plain_values_are_the_same(value: str) -> None:
    result, _ = built(f"out: {value}")
    assert result == load(["config.yaml"]).resolve("out")


def test_an_object_is_shared_and_a_copy_is_not() -> None:
    result, calls = built(
        "out: {a: '@net', b: '@net', c: '%net', d: '$[@net, %net]'}\nnet: {_target_: parts.Net, size: 3}"
    )
    assert result["a"] is result["b"] is result["d"][0]
    assert len({id(result["a"]), id(result["c"]), id(result["d"][1])}) == 3
    assert calls == [3, 3, 3]


def test_objects_are_built_in_the_order_of_the_config() -> None:
    text = """
        out:
          _target_: parts.make
          _args_: [{_target_: parts.Net, size: 1}, "$@late.size + 1"]
          inner: {_target_: parts.make, x: {_target_: parts.Net, size: 2}, y: "@later", z: "$@out_of_it"}
        late: {_target_: parts.Net, size: 3}
        later: {_target_: parts.Net, size: 4}
        out_of_it: {_target_: parts.Net.of, size: "$@later.size + 1"}
    """
    _, calls = built(text.replace("\n        ", "\n"))
    assert calls == [1, 3, 2, 4, 5, ["x", "y", "z"], ["inner"]]


def test_defaults_of_references_and_names_of_items_are_kept() -> None:
    result, _ = built(
        "out: {a: '@nets::second', b: '@vars::lr?0.1', c: '$2 * @{vars::lr?0.5}', nets: '@nets'}\n"
        "nets:\n- {_target_: parts.Net}\n- {_name_: second, _target_: parts.Net, size: 5}\n- {_name_: third, a: 1}"
    )
    assert result["a"] is result["nets"][1]
    assert (result["a"].size, result["b"], result["c"], result["nets"][2]) == (5, 0.1, 1.0, {"a": 1})


def test_modes_give_partials_and_callables() -> None:
    result, calls = built(
        "out:\n- {_target_: parts.make, _mode_: partial, a: 1}\n- {_target_: parts.make, _mode_: callable}\n"
        "- {_target_: parts.make, _mode_: callable, _args_: [2]}\n- {_target_: $parts_module.Net, size: 7}\n"
        "_imports_: {parts_module: parts_of_python}"
    )
    assert calls == [7]
    assert result[0](b=2)["a"] == 1
    assert result[1].__name__ == "make"
    assert result[2]()["args"] == (2,)
    assert result[3].size == 7


def test_disabled_parts_are_left_out() -> None:
    result, _ = built(
        "out:\n- {_target_: parts.Net, _disabled_: true}\n- {a: 1, b: {_target_: x.Y, _disabled_: 'True'}}"
    )
    assert result == [{"a": 1}]


def test_names_in_lambdas_and_of_imports_do_not_collide() -> None:
    result, _ = built(
        "vars: {size: 3, net: 4, math: 5}\n"
        "out: ['$lambda size: size * @vars::size', '$[net + @vars::net for net in (1, 2)]', '$math.pi > @vars::math']"
    )
    assert result[0](2) == 6
    assert result[1:] == [[5, 6], False]


def test_two_classes_of_one_name_are_imported_under_two() -> None:
    text = python("out: [{_target_: parts.make}, {_target_: more_parts.make}, {_target_: parts.Net.of, size: 1}]")
    assert "from parts_of_python import Net, make" in text
    assert "from more_parts import make as more_parts_make" in text
    assert "Net.of(size=1)" in text


def test_a_network_is_compiled_once_it_is_built() -> None:
    Path("config.yaml").write_text(
        "system: {model: {_target_: parts_of_python.Net, size: 2, compile: {mode: fast}}}\nout: '@system'\n"
    )
    config = load(["config.yaml"])
    names = names_of(config)
    code = to_python(config, names, SignatureReader(), sections=["system"], indent=0)
    scope: dict[str, Any] = {}
    exec("\n".join([*names.imports, *code.statements]), scope)
    assert scope[code.variables["system"]]["model"].compiled == {"mode": "fast"}


def test_each_variable_names_its_place() -> None:
    text = python("out: '$@net.size'\nnet: {_target_: parts.Net, size: 3}")
    assert "net = Net(size=3)  # config.yaml:2:1" in text
    assert "out = net.size  # config.yaml:1:1" in text


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("out: {_target_: parts.Net, _mode_: $'partial'}", "out::_mode_ is computed"),
        ("out: [{_target_: parts.Net, _disabled_: $1 > 2}]", "out::0::_disabled_ is computed"),
        ("out: '@net'\nnet: {_target_: parts.Net, _disabled_: true}", "'@net' refers to net, which is disabled"),
        ("out: $unknown_name + 1", "the name 'unknown_name' in '$unknown_name + 1' is not known"),
        ("out: '@nowhere'", "@nowhere does not exist"),
        ("out: {a: '@out::b', b: '@out::a'}", "circular reference"),
        ("out: '%nowhere'", "'%nowhere' cannot be copied"),
        ("out: $1 +", "is not a Python expression"),
    ],
)
def test_what_is_decided_only_when_built_is_an_error_with_its_place(yaml: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        python(yaml)
    finding = caught.value.findings[0]
    assert message in finding.message
    assert finding.place is not None
    assert finding.place.source == "config.yaml"
