"""``pytest --lighter``: configs are tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

import lighter_config.sources.yaml_reader  # noqa: F401  # else pytester imports yaml anew, under its compiled parser

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

Write = Callable[[str, str], Path]


def test_every_config_is_a_test_with_only_its_findings(pytester: pytest.Pytester, config_folder: Path) -> None:
    (config_folder / "wrong.yaml").write_text(
        "trainer: {_target_: pytorch_lightning.Trainer, max_epochs: x, max_epoch: 2}\n"
    )
    (config_folder / "part.yml").write_text("optimizer: {_target_: torch.optim.SGD, lr: 0.1}\n")
    result = pytester.runpytest_inprocess("--lighter", "configs")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "error: trainer::max_epoch is not an argument of Trainer",
            "  configs/wrong.yaml:1:63 trainer: *",
            "  nearest            max_epochs, *",
            "FAILED configs/wrong.yaml::check - error: *",
        ],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_one_file_is_chosen_by_its_path_and_by_a_keyword(pytester: pytest.Pytester, config_folder: Path) -> None:
    assert config_folder.is_dir()
    pytester.runpytest_inprocess("--lighter", "configs/config.yaml").assert_outcomes(passed=1)
    pytester.runpytest_inprocess("--lighter", "configs", "-k", "nothing").assert_outcomes(deselected=1)


def test_a_warning_of_the_check_is_a_warning_of_pytest(pytester: pytest.Pytester, config_folder: Path) -> None:
    text = (config_folder / "config.yaml").read_text()
    (config_folder / "config.yaml").write_text(text.replace("num_samples: 12", "num_samples: 12\n  unused: 1"))
    result = pytester.runpytest_inprocess("--lighter", "configs", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ConfigWarning: vars::unused *"])
    pytester.runpytest_inprocess("--lighter", "configs", "-W", "error").assert_outcomes(failed=1)


def test_without_the_option_nothing_heavy_is_imported(pytester: pytest.Pytester, config_folder: Path) -> None:
    assert config_folder.is_dir()
    pytester.makepyfile(
        """
        import sys

        def test_imports():
            assert "lighter_cli.pytest_plugin" in sys.modules
            assert not {"torch", "lighter_config", "cyclopts", "rich"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_checking_imports_no_torch(pytester: pytest.Pytester, config_folder: Path) -> None:
    assert config_folder.is_dir()
    pytester.makepyfile(
        """
        import sys

        def test_imports():
            assert "lighter_config" in sys.modules
            assert "torch" not in sys.modules
        """
    )
    result = pytester.runpytest_subprocess("--lighter", "configs", "test_checking_imports_no_torch.py")
    result.assert_outcomes(passed=2)


@pytest.fixture
def config_folder(pytester: pytest.Pytester, system_config: str, tmp_path: Path) -> Path:
    """A folder ``configs`` with one experiment in it."""
    folder = pytester.mkdir("configs")
    (folder / "config.yaml").write_text((tmp_path / system_config).read_text())
    return folder


def test_a_file_has_a_test_for_each_of_its_experiments(pytester: pytest.Pytester, config_folder: Path) -> None:
    (config_folder / "small.yaml").write_text("trainer: {max_epochs: 1}\n")
    (config_folder / "large.yaml").write_text("trainer: {max_epoch: 9}\n")
    table = "[tool.lighter.experiments]\neach = ['configs/config.yaml', 'configs/[ls]*.yaml']\n"
    (pytester.path / "pyproject.toml").write_text(table)
    result = pytester.runpytest_inprocess("--lighter", "configs", "-v")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "configs/config.yaml::check?each?configs/large.yaml?? FAILED*",
            "configs/config.yaml::check?each?configs/small.yaml?? PASSED*",
            "configs/small.yaml::check?each?configs/small.yaml?? PASSED*",
        ],
        consecutive=False,
    )


def test_severities_of_the_table_hold_for_tests(pytester: pytest.Pytester, config_folder: Path) -> None:
    (config_folder / "config.yaml").write_text("optimizer: {_target_: torch.optim.SGD, lrr: 0.1}\n")
    pytester.runpytest_inprocess("--lighter", "configs").assert_outcomes(failed=1)
    (pytester.path / "pyproject.toml").write_text("[tool.lighter.severity]\narguments = 'off'\n")
    pytester.runpytest_inprocess("--lighter", "configs").assert_outcomes(passed=1)


def test_a_mistake_in_the_table_is_a_usage_error(pytester: pytest.Pytester, config_folder: Path) -> None:
    assert config_folder.is_dir()
    (pytester.path / "pyproject.toml").write_text("[tool.lighter]\nsearch-pth = []\n")
    result = pytester.runpytest_inprocess("--lighter", "configs")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *tool.lighter* has no key 'search-pth'", "  pyproject.toml:2:1*"])
