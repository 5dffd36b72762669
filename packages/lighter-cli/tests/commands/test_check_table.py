"""``lighter check`` with ``[tool.lighter]``: experiments of the table, severities, and the search path."""

import json
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

TABLE = """
[tool.lighter.experiments]
small = ["config.yaml", "small.yaml"]
large = ["config.yaml", "large.yaml", "trainer::max_epochs=5"]
"""


@pytest.fixture
def table(system_config: str, write: Write) -> Callable[[str], Path]:
    """Write the table beside an experiment and two variants of it."""
    assert system_config == "config.yaml"
    write("small.yaml", "trainer:\n  max_epochs: 1\n")
    write("large.yaml", "trainer:\n  max_epochs: 9\n")
    return lambda text: write("pyproject.toml", text)


def test_each_file_is_checked_in_its_experiments(in_process: Command, table: Callable[[str], Path]) -> None:
    table(TABLE)
    done = in_process("check", "--each", "small.yaml", "config.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "small (config.yaml small.yaml): nothing wrong; targets: 9 known, 0 unknown",
        "large (config.yaml large.yaml trainer::max_epochs=5): nothing wrong; targets: 9 known, 0 unknown",
        "2 checked: nothing wrong; targets: 18 known, 0 unknown",
    ]


def test_each_without_files_checks_all_experiments(in_process: Command, table: Callable[[str], Path]) -> None:
    table(TABLE)
    done = in_process("check", "--each", "--format", "json", "trainer::max_epochs=2")
    report = json.loads(done.stdout)
    assert [(one["experiment"], one["words"]) for one in report["experiments"]] == [
        ("small", ["config.yaml", "small.yaml"]),
        ("large", ["config.yaml", "large.yaml", "trainer::max_epochs=5"]),
    ]
    assert done.returncode == 0


def test_a_file_outside_the_table_is_checked_alone(
    in_process: Command, table: Callable[[str], Path], write: Write
) -> None:
    table(TABLE)
    write("part.yaml", "optimizer: {_target_: torch.optim.SGD, lr: 0.1}\n")
    assert "part.yaml (a fragment): nothing wrong" in in_process("check", "--each", "part.yaml").stdout


def test_the_first_line_of_a_file_names_its_experiment(in_process: Command, system_config: str, write: Write) -> None:
    write("change.yaml", f"# lighter: {system_config}, this, trainer::max_epochs=2\ntrainer:\n  max_epoch: 1\n")
    done = in_process("check", "--each", "change.yaml")
    assert done.returncode == 1
    assert "error: trainer::max_epoch is not an argument of Trainer" in done.stdout
    assert "change.yaml (config.yaml change.yaml trainer::max_epochs=2): 1 error" in done.stdout


def test_a_mistake_in_the_first_line_is_a_finding(in_process: Command, write: Write) -> None:
    write("change.yaml", "# lighter: confg.yaml, this\nseed: 1\n")
    write("config.yaml", "seed: 1\n")
    done = in_process("check", "--each", "change.yaml", "--format", "json")
    [experiment] = json.loads(done.stdout)["experiments"]
    [finding] = experiment["findings"]
    assert done.returncode == 1
    assert (finding["place"]["line"], finding["place"]["column"], finding["nearest"]) == (1, 12, ["config.yaml"])


def test_an_override_of_the_table_has_its_place(in_process: Command, table: Callable[[str], Path]) -> None:
    table(TABLE.replace("trainer::max_epochs=5", "trainer::max_epoch=5"))
    done = in_process("check", "--each")
    assert "pyproject.toml:4, argument 3" in done.stdout


def test_what_experiments_share_is_said_once(in_process: Command, table: Callable[[str], Path]) -> None:
    table(TABLE)
    config = Path("config.yaml")
    config.write_text(config.read_text().replace("CrossEntropyLoss", "CrosEntropyLoss"))
    done = in_process("check", "--each")
    assert done.stdout.count("error: torch.nn.CrosEntropyLoss does not exist") == 1
    assert "CrosEntropyLoss does not exist (in small, large)" in done.stdout
    github = in_process("check", "--each", "--format", "github").stdout
    assert github.count("::error ") == 1
    found = json.loads(in_process("check", "--each", "--format", "json").stdout)
    assert found["num_errors"] == 2  # of each experiment, for tools


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_severities_hold_in_every_format(in_process: Command, table: Callable[[str], Path], form: str) -> None:
    words = ("check", "config.yaml", "trainer::max_epoch=3", "--format", form)
    assert in_process(*words).returncode == 1
    table('[tool.lighter.severity]\narguments = "note"\n')
    done = in_process(*words)
    assert done.returncode == 0
    shown = {"text": "note: trainer::max_epoch", "json": '"severity": "note"', "github": "::notice "}
    assert shown[form] in done.stdout
    table('[tool.lighter.severity]\narguments = "off"\n')
    assert "max_epoch is not" not in in_process(*words).stdout


def test_a_severity_can_make_a_warning_fail(in_process: Command, table: Callable[[str], Path], write: Write) -> None:
    write("more.yaml", "vars:\n  unused: 1\n")
    assert in_process("check", "config.yaml", "more.yaml").returncode == 0
    table('[tool.lighter.severity]\nkeys = "error"\n')
    done = in_process("check", "config.yaml", "more.yaml")
    assert done.returncode == 1
    assert "error: vars::unused" in done.stdout


@pytest.mark.parametrize("words", [["config.yaml"], ["--each", "config.yaml"], ["--each"]])
def test_a_mistake_in_the_table_fails_every_check(
    in_process: Command, table: Callable[[str], Path], words: list[str]
) -> None:
    table('[tool.lighter.experiments]\nsmall = ["config.yaml", "smal.yaml"]\n')
    done = in_process("check", *words)
    assert done.returncode == 1
    assert "error: the experiment 'small': 'smal.yaml' does not exist" in done.stdout
    assert "  pyproject.toml:2:25" in done.stdout
    assert "  nearest            small.yaml" in done.stdout


def test_code_of_the_search_path_is_found_by_check_and_run(
    lighter: Command, table: Callable[[str], Path], write: Write, torch_imported: Callable[[], bool]
) -> None:
    write(
        "src/own_losses.py",
        """
        from torch import nn

        class Scaled(nn.CrossEntropyLoss):
            def __init__(self, scale: float):
                super().__init__()
                self.scale = scale

            def forward(self, pred, target):
                return self.scale * super().forward(pred, target)
        """,
    )
    own = ["=system::criterion={_target_: own_losses.Scaled, scale: 2.0}", "trainer::fast_dev_run=true"]
    assert "own_losses.Scaled does not exist" in lighter("check", "config.yaml", *own).stdout
    table('[tool.lighter]\nsearch-path = ["src"]\n')
    assert lighter("check", "config.yaml", *own).returncode == 0
    assert not torch_imported()
    done = lighter("check", "config.yaml", *own, "system::criterion::scales=2")
    assert "system::criterion::scales is not an argument of Scaled" in done.stdout
    assert "scale: float" in lighter("describe", "own_losses.Scaled").stdout
    assert "own_losses.py:4" in lighter("explain", "system::criterion::scale", "config.yaml", *own).stdout
    assert lighter("fit", "config.yaml", *own).returncode == 0


def test_a_module_of_the_search_path_hides_no_installed_one(
    lighter: Command, table: Callable[[str], Path], write: Write
) -> None:
    write("src/torch/__init__.py", "raise SystemExit('executed')\n")
    write("src/onnx.py", "raise SystemExit('executed')\n")
    table('[tool.lighter]\nsearch-path = ["src"]\n')
    assert lighter("check", "config.yaml").returncode == 0
    done = lighter("fit", "config.yaml", "trainer::fast_dev_run=true")
    assert (done.returncode, "executed" in done.stderr) == (0, False)


def test_safe_refuses_a_listed_name_from_the_search_path(
    in_process: Command, table: Callable[[str], Path], write: Write
) -> None:
    if find_spec("monai") is not None:
        pytest.skip("an installed package is not hidden")
    write("src/monai/losses.py", "class DiceLoss: ...\n")
    table('[tool.lighter]\nsearch-path = ["src"]\n')
    words = ("check", "config.yaml", "=system::criterion={_target_: monai.losses.DiceLoss}", "--safe")
    done = in_process(*words)
    assert done.returncode == 1
    assert "is in 'monai' in 'src' of search-path, not in an installed package" in done.stdout
