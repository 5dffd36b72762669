"""The check finds nothing in any config of the repository: neither in whole experiments nor in parts of them."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_cli.checking.checker import Checker
from lighter_config import Severity

ROOT = Path(__file__).parents[1]
FOLDERS = ("examples", "packages/lighter-cli/src/lighter_cli/templates", "tests/earlier_documents/experiment")
PART = ("experiment", "base.yaml")  # has a trainer, and yet another file brings its model
CONFIGS = sorted(
    str(file.relative_to(ROOT))
    for folder in FOLDERS
    for file in (ROOT / folder).rglob("*.yaml")
    if not {"outputs", "runs"} & set(file.parts) and file.parts[-2:] != PART
)
NEEDS = {"examples/segmentation/config.yaml": "monai"}


def test_there_are_configs_to_check() -> None:
    assert len(CONFIGS) >= 12


@pytest.mark.parametrize("name", CONFIGS)
def test_config_of_the_repository_gives_no_finding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = NEEDS.get(name)
    if needed is not None and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    monkeypatch.chdir((ROOT / name).parent)
    (result,) = Checker(()).check_each([Path(name).name])
    assert [finding for finding in result.findings if finding.severity is not Severity.NOTE] == []
