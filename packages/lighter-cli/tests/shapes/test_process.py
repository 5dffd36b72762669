"""The command, whose own process imports no torch, and the other process, which may crash."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.app import app
from lighter_cli.shapes.process import follow_batch
from lighter_config import Severity, SignatureReader, load, to_yaml

from .conftest import PROJECT, experiment, layer

LINEAR = [layer("Linear", in_features=8, out_features=10)]


def _check(*words: str) -> int:
    code: int = app(["check", *words], result_action="return_value")
    return code


def _write(config: dict[str, Any]) -> str:
    Path("config.yaml").write_text(to_yaml(load([{"project": str(PROJECT), **config}])))
    return "config.yaml"


@pytest.mark.slow
def test_shapes_are_printed_and_in_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    file = _write(experiment(layer("project.networks.Prints", in_features=8, out_features=10), ["4,8", "4:int64"]))
    assert _check(file, "--shapes", "--format", "json") == 0
    printed = json.loads(capfd.readouterr().out)
    shapes = printed["experiments"][0]["shapes"]
    assert shapes["stages"] == ["fit", "validate"]
    assert shapes["parameters"] == 90
    assert shapes["layers"][-1] == {"name": "loss", "kind": "", "tensors": [["float32", []]]}


@pytest.mark.slow
def test_a_mistake_has_its_line_and_the_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(experiment(LINEAR, ["4,7", "4:int64"]))
    assert _check(file, "--shapes") == 1
    printed = capsys.readouterr().out
    assert "error: system::model::_args_::0 (Linear) has in_features=8, and gets float32 (4, 7)" in printed
    assert "config.yaml:" in printed
    assert "system::model::_args_::0::in_features=7" in printed
    assert ["input", "float32", "4x7"] in [line.split() for line in printed.splitlines()]


@pytest.mark.slow
def test_a_crash_is_a_finding_that_names_the_signal() -> None:
    config = load([{"project": str(PROJECT)}, experiment(layer("project.networks.Crashes"), ["4,8", "4:int64"])])
    followed = follow_batch(config, (), SignatureReader())
    (error,) = followed.findings
    assert error.severity is Severity.ERROR
    assert "SIGSEGV" in error.message
    assert followed.facts is None


def test_a_batch_that_is_not_described_names_its_items(capsys: pytest.CaptureFixture[str]) -> None:
    adapter = {"_target_": "lighter.adapters.BatchAdapter", "input_accessor": "image", "target_accessor": "label"}
    config = experiment(LINEAR, None, adapters={"train": {"batch": adapter}})
    del config["shapes"]
    assert _check(_write(config), "--shapes") == 1
    printed = capsys.readouterr().out
    assert "error: --shapes needs a described batch, and the config has no `shapes`" in printed
    assert "shapes::image=64,3,32,32 shapes::label=64:int64" in " ".join(printed.split())


def test_a_config_with_errors_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(experiment([layer("Linear", in_feature=8, out_features=10)], ["4,8", "4:int64"]))
    assert _check(file, "--shapes") == 1
    assert "in_feature" in capsys.readouterr().out


def test_safe_refuses_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(experiment(layer("os.system", command="true"), ["4,8", "4:int64"]))
    assert _check(file, "--shapes", "--safe") == 1
    assert "--safe refuses os.system" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": "4,x"}, "shapes::image: '4,x' is not a shape"),
        ({"image": "4:int65"}, "shapes::image: unknown dtype 'int65'"),
        ({"name": "4,2:str"}, "shapes::name: '4,2:str' is not a list of texts"),
        ({"image": 4.5}, "shapes::image: 4.5 is not a shape"),
    ],
)
def test_a_description_is_checked_without_torch(batch: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(_write(experiment(LINEAR, batch))) == 1
    assert message in capsys.readouterr().out


@pytest.mark.slow
def test_the_process_of_the_check_imports_no_torch() -> None:
    import subprocess

    _write(experiment(LINEAR, ["4,7", "4:int64"]))
    script = (
        "import sys\n"
        "from lighter_cli.app import app\n"
        "code = app(['check', 'config.yaml', '--shapes'], result_action='return_value')\n"
        "print('torch' in sys.modules, code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False 1"
