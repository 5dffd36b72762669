"""What a config may name and evaluate with ``--safe``; nothing of it is built here."""

import sys
from pathlib import Path

import pytest

from lighter_config import Config, Finding, SignatureReader, check, load, parse_sources
from lighter_config.safety import Allowance, SafetyCheck, listed_targets


def refusals(config: Config, *allow: str, project: Path | None = None, trusts_project: bool = True) -> list[Finding]:
    safety = SafetyCheck(Allowance(allow, trusts_project=trusts_project))
    return check(config, reader=SignatureReader(project=project), checks=[safety])


def test_a_target_of_the_list_is_allowed_and_one_beside_it_is_not() -> None:
    config = load({"layer": {"_target_": "torch.nn.Linear"}, "other": {"_target_": "torch.load", "f": "x"}})
    (finding,) = refusals(config)
    assert finding.path == "other::_target_"
    assert finding.message == "--safe refuses torch.load, which is not on its list"
    assert finding.fix == "add --allow torch.load if you trust it"


def test_every_refusal_says_its_place(tmp_path: Path) -> None:
    Path("a.yaml").write_text("one: {_target_: os.system}\ntwo:\n  - $eval('1')\n", encoding="utf-8")
    words = ["a.yaml", "=three={_target_: shutil.rmtree}"]
    findings = refusals(load(parse_sources(words, from_command_line=True)))
    assert [str(finding.place) for finding in findings] == [
        "a.yaml:1:17",
        "a.yaml:3:5",
        "command line, word 2",
    ]


def test_a_listed_name_near_the_refused_one_is_suggested() -> None:
    (finding,) = refusals(load({"layer": {"_target_": "torch.nn.modules.linear.Linear"}}))
    assert finding.nearest == ("torch.nn.Linear",)


@pytest.mark.parametrize(
    "text",
    [
        "$1 + 2 * 3",
        "$@net.parameters()",
        "$@net.layers[0].weight.shape[-1] // 2",
        "$[@a, 2, *@b]",
        "${'lr': @a if @b > 1 else 0.1}",
        "$f'run_{@a:>3}'",
        "$torch.linspace(-1, 1, @a * 4).reshape(@a, 4)",
        "$math.sqrt(2)",
        "$len(@net) + int('3')",
        "$torch.float32",
        "${'a': 1}.copy()",
    ],
)
def test_literals_arithmetic_and_calls_on_references_are_allowed(text: str) -> None:
    assert not refusals(load({"a": 1, "b": [2], "net": {"_target_": "torch.nn.Linear"}, "x": text}))


@pytest.mark.parametrize(
    "text",
    [
        "$__import__('os').system('touch x')",
        "$eval('1')",
        "$exec('import os')",
        "$open('x', 'w')",
        "$compile('1', '', 'eval')",
        "$getattr(@a, 'real')",
        "$vars(@a)",
        "$globals()",
        "$breakpoint()",
        "$type(@a)",
        "$input()",
        "$exit()",
        "$[x for x in @b]",
        "$(lambda: 1)()",
        "$(y := 1)",
        "$(x for x in @b)",
        "$().__class__.__base__.__subclasses__()",
        "$@net.__init__.__globals__",
        "$@net._modules",
        "$'{0.__class__}'.format(@a)",
        "$str.format('{0.__class__}', @a)",
        "$f'{@a.__class__}'",
        "$f'{1:{@a.__class__}}'",
        "$'x'.format_map({'x': @a})",
        "$os.system('touch x')",
        "$os.environ",
        "$torch.os.system('touch x')",
        "$torch.nn.modules.module.os.system('touch x')",
        "$torch.load('x', weights_only=False)",
        "$torch.hub.load('a/b', 'c')",
        "$torch.nn.Linear.__init__.__globals__",
        "$torch",
        "$np.load('x', allow_pickle=True)",
        "$monai.utils.misc.os.system('touch x')",
        "$monai.bundle.run()",
        "$@net.load_from_checkpoint('x')",
        "$@trainer.fit(@net, ckpt_path='x', weights_only=False)",
        "$@trainer.strategy.load_checkpoint('x')",
        "$@trainer.save_checkpoint('x')",
        "$@loader.multiprocessing_context.reducer.os.system('touch x')",
        "$@net.weight.numpy().tofile('x')",
        "$@net.compile(options={'cpp.cxx': ['./x']})",
        "$@net.anything.os.popen('x')",
        "$@net.anything.subprocess.run('x')",
        "$(1).real.__class__",
        "$[].append.__self__",
        "$@net.forward.__func__.__globals__['os']",
        "$(@a for _ in [1]).gi_frame.f_builtins",
        "$\uff3f\uff3fimport\uff3f\uff3f('os')",
        "$\uff45val('1')",
        "$@net.\uff3f\uff3fclass\uff3f\uff3f",
        "$@trainer.strategy.remove_checkpoint('x')",
        "$@net.weight.untyped_storage().from_file('x', True, 3)",
        "$torch.UntypedStorage.from_file('x')",
        "$@net.weight.numpy().ctypes",
        "$@net.weight.new(2)",
        "$torch.zeros(1).data_ptr()",
        "$np.zeros(3).resize(9, refcheck=False)",
        "$@net.to_tensorrt('x')",
        "$print(1)",
        "$(yield)",
        "$await @net",
        "$f'{__import__(\"os\")}'",
        "$f'{1:{__import__(\"os\")}}'",
        "${**vars()}",
        "$dict(**globals())",
        "$sorted(@b, key=eval)",
        "$@b[__import__('os').getpid()]",
        "$1 if eval('1') else 2",
        "$@net(*map(eval, @b))",
        "$unknown.thing",
        "$1 +",
    ],
)
def test_an_expression_that_does_more_is_refused(text: str) -> None:
    config = load({"a": 1, "b": [2], "net": {"_target_": "torch.nn.Linear"}, "trainer": 1, "loader": 2, "x": text})
    findings = refusals(config)
    assert findings
    assert {finding.path for finding in findings} == {"x"}


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "importlib.import_module",
        "torch.os.system",
        "torch.nn.modules.module.os.system",
        "torch.nn.Module.__init_subclass__",
        "torch.hub.load",
        "torch.utils.cpp_extension.load_inline",
        "torch.jit.load",
        "torch.package.PackageImporter",
        "torch.optim.lr_scheduler.types.FunctionType",
        "pytorch_lightning.LightningModule.load_from_checkpoint",
        "pytorch_lightning.Trainer.fit",
        "torchmetrics.utilities.imports.operator.attrgetter",
        "torchmetrics.os.system",
        "monai.inferers.PatchInferer",
        "monai.transforms.Lambda",
        "monai.bundle.run",
        "monai.bundle.ConfigParser",
        "monai.utils.run_cmd",
        "monai.utils.misc.subprocess.run",
        "monai.networks.nets.evil",
        "lighter.system.os.system",
        "lighter.callbacks.register_file_format",
        "lighter_config.load",
        "functools.partial",
        "operator.methodcaller",
        "pickle.loads",
        "project.tools.run",
        "projects.Net",
        "torch.nn.Linear.",
        " torch.nn.Linear",
        "torch.nn:Linear",
        "TORCH.nn.Linear",
        "",
        "@a",
        "$'torch.nn.Linear'",
        r"\@a",
        7,
        None,
        ["torch.nn.Linear"],
        {"_target_": "torch.nn.Linear"},
    ],
)
def test_a_target_that_is_no_listed_name_is_refused(target: object) -> None:
    config = load({"a": "torch.nn.Linear", "x": {"_target_": target}})
    assert "x" in {finding.path.partition("::")[0] for finding in refusals(config)}


@pytest.mark.parametrize(
    "given",
    [
        {"_imports_": {"t": "os"}},
        {"_imports_": {"t": "torch.os"}},
        {"_imports_": {"t": "subprocess"}},
        {"_requires_": "$import os"},
        {"_requires_": ["$from torch import os as t"]},
        {"_requires_": "$import shutil as torch"},
        {"_requires_": "$print(1)"},
        {"deep": [{"_imports_": {"t": "os"}}]},
    ],
)
def test_an_import_of_which_nothing_may_be_named_is_refused(given: dict[str, object]) -> None:
    assert refusals(load({"x": given}))
    assert refusals(load(given))


@pytest.mark.parametrize(
    ("imports", "text"),
    [
        ({"eval": "torch.nn.Linear"}, "$eval('1')"),  # the builtin is what runs
        ({"torch": "os"}, "$torch.system('x')"),
        ({"t": "torch"}, "$t.os.system('x')"),
        ({"t": "torch.nn"}, "$t.modules.module.os"),
        ({"t": "torch.nn"}, "$t"),
        ({"t": "torch"}, "$[t][0].os.system('x')"),
    ],
)
def test_an_import_does_not_change_what_an_expression_may_do(imports: dict[str, str], text: str) -> None:
    assert "x" in {finding.path for finding in refusals(load({"_imports_": imports, "x": text}))}


def test_what_an_import_names_is_allowed_where_the_target_would_be() -> None:
    assert not refusals(load({"_imports_": {"nn": "torch.nn"}, "_requires_": "$import math as m", "x": "$nn.ReLU()"}))


@pytest.mark.parametrize(
    "config",
    [
        {"deep": [{"a": {"b": [{"_target_": "os.system"}]}}]},
        {"layer": {"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "os.system", "command": "x"}]}},
        {"layer": {"_target_": "torch.nn.Linear", "_mode_": "$__import__('os')"}},
        {"layer": {"_target_": "torch.nn.Linear", "_disabled_": "$__import__('os')"}},
        {"layer": {"_target_": "os.system", "_mode_": "callable"}},
        {"layer": {"_target_": "os.system", "_mode_": "partial"}},
        {"layer": {"_target_": "os.system", "_disabled_": "@flag"}, "flag": False},
        {"hidden": {"_target_": "os.system"}, "shown": "%hidden"},
        {"layer": {"_target_": "torch.nn.Linear", "_debug_": True}},
        {"layer": {"_target_": "torch.nn.Linear", "_debug_": "@flag"}, "flag": True},
        {"layer": {"_target_": "torch.nn.Linear", "_mode_": "debug"}},
        {"layer": {"_target_": "torch.nn.Linear", "_mode_": "@mode"}, "mode": "debug"},
        {"layer": {"_target_": "torch.nn.Linear", "_mode_": "$'de' + 'bug'"}},
    ],
)
def test_what_stands_deep_or_is_built_late_is_refused_as_well(config: dict[str, object]) -> None:
    assert refusals(load(config))


@pytest.mark.parametrize("mode", ["default", "partial", "callable"])
def test_a_mode_that_starts_no_debugger_is_allowed(mode: str) -> None:
    assert not refusals(load({"layer": {"_target_": "torch.nn.Linear", "_mode_": mode}}))


def test_what_another_file_brings_is_refused() -> None:
    Path("evil.yaml").write_text("x: {_target_: os.system, command: touch y}\n", encoding="utf-8")
    Path("a.yaml").write_text("x: '%evil.yaml::x'\n", encoding="utf-8")
    (finding,) = refusals(load(["a.yaml"]))
    assert finding.place is not None
    assert finding.place.source == "evil.yaml"


@pytest.mark.parametrize("section", ["system::model", "model::network"])
@pytest.mark.parametrize("compiled", [{"options": {"cpp.cxx": ["./x"]}}, {"backend": "x"}, "@a", "$dict()", ["x"]])
def test_options_that_choose_compiler_of_network_are_refused(section: str, compiled: object) -> None:
    first, second = section.split("::")
    config = load({"a": {"options": {}}, first: {second: {"_target_": "torch.nn.Linear", "compile": compiled}}})
    assert refusals(config)


@pytest.mark.parametrize("compiled", [True, False, None, {"mode": "default", "backend": "eager"}])
def test_a_network_may_be_compiled(compiled: object) -> None:
    assert not refusals(load({"system": {"model": {"_target_": "torch.nn.Linear", "compile": compiled}}}))


@pytest.mark.parametrize("value", [False, "$False", "@no", "false"])
def test_a_config_may_not_ask_for_unpickling(value: object) -> None:
    (finding,) = refusals(load({"no": False, "args": {"fit": {"weights_only": value}}}))
    assert finding.path == "args::fit::weights_only"


def test_allowing_a_callable_allows_no_other() -> None:
    config = load({"a": {"_target_": "shutil.copy"}, "b": {"_target_": "shutil.rmtree"}})
    assert [finding.path for finding in refusals(config, "shutil.copy")] == ["b::_target_"]


def test_allowing_a_package_allows_definitions_not_its_imports(tmp_path: Path) -> None:
    config = load({"a": {"_target_": "shutil.copy"}, "b": {"_target_": "shutil.os.system"}})
    assert [finding.path for finding in refusals(config, "shutil")] == ["b::_target_"]


@pytest.mark.parametrize("name", ["", "torch nn", "torch.", "../x", "--x"])
def test_what_is_no_name_cannot_be_allowed(name: str) -> None:
    (finding,) = refusals(load({"a": 1}), name)
    assert str(finding.place) == "option --allow"


@pytest.mark.parametrize("file", ["monai/networks/nets.py", "monai.py", "monai/networks/nets/__init__.py"])
@pytest.mark.parametrize("has_init", [True, False])
def test_a_listed_name_that_the_working_directory_brings_is_refused(
    file: str, has_init: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line searches the working directory last: it brings what is not installed."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text("class UNet: pass\n", encoding="utf-8")
    if has_init and file != "monai.py":
        Path("monai/__init__.py").touch()
    config = load({"net": {"_target_": "monai.networks.nets.UNet"}, "x": "$monai.networks.nets.UNet()"})
    monkeypatch.setattr("sys.path", [one for one in sys.path if not (Path(one) / "monai").is_dir()])
    assert {finding.path for finding in refusals(config)} == {"net::_target_", "x"}
    assert all("in the working directory" in finding.message for finding in refusals(config))
    if has_init and file == "monai/networks/nets.py":
        assert not refusals(config, "monai")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "models.py").write_text(
        "import os\n"
        "import subprocess as sp\n"
        "from os import system\n"
        "from subprocess import run as go\n"
        "from shutil import *\n"
        "start = os.popen\n"
        "class Net:\n"
        "    def __init__(self, width=1): pass\n"
        "    made = os.system\n"
        "def __getattr__(name): return getattr(os, name)\n",
        encoding="utf-8",
    )
    return folder


def test_what_the_users_own_project_defines_is_allowed(project: Path) -> None:
    config = load({"net": {"_target_": "project.models.Net"}, "x": "$m.Net(2)", "_imports_": {"m": "project.models"}})
    assert not refusals(config, project=project)


@pytest.mark.parametrize(
    "name", ["os.system", "sp.run", "system", "go", "rmtree", "start", "Net.made", "popen", "Net.__init__.__globals__"]
)
def test_what_the_users_project_only_imports_is_refused(project: Path, name: str) -> None:
    config = load({"net": {"_target_": f"project.models.{name}"}})
    assert [finding.path for finding in refusals(config, project=project)] == ["net::_target_"]


def test_code_that_came_with_config_is_refused_until_it_is_allowed(project: Path) -> None:
    config = load({"net": {"_target_": "project.models.Net"}})
    (finding,) = refusals(config, project=project, trusts_project=False)
    assert "outside the working directory" in finding.message
    assert not refusals(config, "project.models", project=project, trusts_project=False)


def test_an_object_that_python_code_put_in_is_the_callers_own() -> None:
    assert not refusals(load({"x": {"_target_": dict}}))


def test_the_list_names_each_thing_once_and_nothing_private() -> None:
    names = listed_targets()
    assert len(names) > 900
    assert not [name for name in names if not all(part.isidentifier() for part in name.split("."))]
    assert not [name for name in names if any(part.startswith("_") for part in name.split("."))]
