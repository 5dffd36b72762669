"""``lighter eject`` writes a script that runs alone; what cannot be written is an error before anything is built."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]


def imported(script: str) -> set[str]:
    tree = ast.parse(script)
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.slow
def test_the_script_runs_where_lighters_commands_do_not_exist(system_config: str, in_process: Command) -> None:
    words = ["trainer::max_epochs=1", "trainer::enable_progress_bar=false"]
    assert in_process("eject", system_config, *words, "-o", "script.py").returncode == 0
    hidden = "import sys, runpy\nfor name in ('lighter_cli', 'lighter_config'):\n    sys.modules[name] = None\n"
    code = f"{hidden}sys.argv = ['script.py', 'validate']\nrunpy.run_path('script.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "val/loss/epoch" in done.stdout


@pytest.mark.slow
def test_an_experiment_with_code_of_its_own_runs_as_a_script(module_config: str, in_process: Command) -> None:
    done = in_process("eject", module_config, "trainer::max_epochs=1", "--stage", "fit", "-o", "out.py")
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "out.py"], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr


def test_script_is_printed_and_imports_only_what_config_names(system_config: str, in_process: Command) -> None:
    done = in_process("eject", system_config, "trainer::max_epochs=7", "--stage", "fit")
    assert done.returncode == 0
    assert imported(done.stdout) <= {
        "argparse",
        "lighter",
        "pytorch_lightning",
        "pytorch_lightning.callbacks",
        "pytorch_lightning.loggers",
        "torch",
        "torch.nn",
        "torch.optim",
        "torch.optim.lr_scheduler",
        "torch.utils.data",
        "torchmetrics",
        "torchmetrics.classification",
    }
    assert "max_epochs=7" in done.stdout
    assert "def fit(ckpt_path=None):" in done.stdout
    assert "def test(" not in done.stdout


def test_arguments_of_a_stage_and_the_seed_are_in_its_call(system_config: str, in_process: Command) -> None:
    words = ["seed=7", "args::validate::verbose=false", "args::fit::ckpt_path=last.ckpt"]
    Path("last.ckpt").touch()
    script = in_process("eject", system_config, *words).stdout
    assert "seed_everything(7, workers=True)" in script
    assert "ckpt_path=ckpt_path, weights_only=True, verbose=False)" in script
    assert 'ckpt_path=ckpt_path or "last.ckpt"' in script


def test_stages_without_data_are_left_out(system_config: str, in_process: Command) -> None:
    script = in_process("eject", system_config, "~system::dataloaders::test").stdout
    assert "def validate(" in script
    assert "def test(" not in script


def test_a_module_beside_the_config_is_importable_in_the_script(write: Write, in_process: Command) -> None:
    write("nets_beside.py", "import torch\n\n\ndef net():\n    return torch.nn.Linear(2, 1)\n")
    write(
        "config.yaml",
        """
        trainer: {_target_: pytorch_lightning.Trainer}
        system:
          _target_: lighter.System
          model: {_target_: nets_beside.net}
          dataloaders: {predict: {_target_: torch.utils.data.DataLoader, dataset: [1.0]}}
        """,
    )
    script = in_process("eject", "config.yaml", "--stage", "predict").stdout
    assert script.index("sys.path.append(str(Path.cwd()))") < script.index("from nets_beside import net")
    assert "return_predictions=False" in script


def test_a_folder_of_the_search_path_is_importable_in_the_script(write: Write, in_process: Command) -> None:
    write("src/nets_in_src.py", "import torch\n\n\ndef net():\n    return torch.nn.Linear(2, 1)\n")
    write("pyproject.toml", "[tool.lighter]\nsearch-path = ['src']\n")
    write(
        "config.yaml",
        """
        trainer: {_target_: pytorch_lightning.Trainer}
        system:
          _target_: lighter.System
          model: {_target_: nets_in_src.net}
          dataloaders: {predict: {_target_: torch.utils.data.DataLoader, dataset: [1.0]}}
        """,
    )
    script = in_process("eject", "config.yaml", "--stage", "predict").stdout
    assert script.index("sys.path.append(str(Path('src').absolute()))") < script.index("from nets_in_src import net")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer::max_epoch=3"], "trainer::max_epoch is not an argument of Trainer"),
        (["trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, _mode_: $'partial'}"], "is computed"),
        (["~system::optimizer", "--stage", "fit"], "optimizer"),
        (["args::fit=$dict()"], "args::fit is not a mapping"),
    ],
)
def test_what_cannot_be_written_is_an_error(
    words: list[str], message: str, system_config: str, in_process: Command
) -> None:
    done = in_process("eject", system_config, *words, "-o", "script.py")
    assert done.returncode == 1
    assert message in done.stderr
    assert not Path("script.py").exists()


def test_an_error_of_loading_is_reported_once(system_config: str, in_process: Command) -> None:
    done = in_process("eject", system_config, "trainer::max_epochs=...")
    assert done.returncode == 1
    assert done.stderr.count("placeholder") == 1


def test_secret_in_the_script_is_a_warning(
    system_config: str, in_process: Command, caplog: pytest.LogCaptureFixture
) -> None:
    word = "=vars::api_key=0123456789abcdef"
    used = "system::model::out_features=$len(@vars::api_key)"
    done = in_process("eject", system_config, word, used, "--stage", "fit")
    assert [one.message for one in caplog.records if "the script holds it in clear" in one.message]
    docstring = done.stdout.split('"""')[1]
    assert "0123456789abcdef" not in docstring


def test_no_input_is_an_error_that_shows_a_command(in_process: Command) -> None:
    done = in_process("eject")
    assert done.stderr.splitlines() == [
        "error: no config given",
        "  to fix             name one: lighter eject config.yaml",
    ]


def test_a_file_that_cannot_be_written_is_an_error(system_config: str, in_process: Command) -> None:
    done = in_process("eject", system_config, "-o", "missing/script.py")
    assert done.returncode == 1
    assert "missing/script.py cannot be written" in done.stderr
    assert "option --output" in done.stderr


def test_help_lists_the_command(in_process: Command) -> None:
    assert "eject" in in_process("--help").stdout
    text = in_process("eject", "--help").stdout
    assert "--output" in text
    assert "--stage" in text


@pytest.mark.slow
def test_eject_and_migrate_import_no_torch(
    system_config: str, lighter: Command, torch_imported: Callable[[], bool]
) -> None:
    Path("cli.yaml").write_text("seed_everything: 1\nmodel: {class_path: Linear}\n")
    for words in (("eject", system_config), ("migrate", "cli.yaml"), ("eject", "--help")):
        done = lighter(*words)
        assert done.returncode == 0, done.stderr
        assert not torch_imported()
