"""The reference of ``[tool.lighter]`` says what Lighter reads: its table has no mistake, and it lists every check."""

import re
from pathlib import Path

from lighter_cli.checking.settings import read_settings
from lighter_cli.checking.tool_table import names_of_checks
from lighter_config import Severity

PAGE = Path(__file__).parents[1] / "docs/reference/pyproject.md"


def test_the_table_of_the_page_is_read_without_a_mistake(tmp_path: Path) -> None:
    [table] = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(table)
    names = ("base.yaml", "small.yaml", "large.yaml", "experiments/a.yaml", "losses/dice.yaml", "src/models.py")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    settings = read_settings(tmp_path)
    assert settings.findings == ()
    experiments = {one.name: len(one.words) for one in settings.experiments}
    assert experiments == {"small": 2, "large": 3, "each[experiments/a.yaml]": 1, "losses[losses/dice.yaml]": 2}
    assert settings.search_path == (tmp_path / "src",)
    assert settings.severities == {"loader_workers": None, "references": Severity.ERROR}


def test_the_page_lists_every_check() -> None:
    listed = re.findall(r"^\| `(\w+)` \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(names_of_checks())
