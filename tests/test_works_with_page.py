"""The page of libraries says what the crossings of `tests/works_with` show."""

from pathlib import Path

import yaml
from tests.works_with.crossings import RECIPES
from tests.works_with.libraries import LIBRARIES
from tests.works_with.page import MARKED, PAGE, table

ROOT = Path(__file__).parents[1]
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_rows_of_the_file() -> None:
    (found,) = MARKED.findall(TEXT)
    assert found == table()


def test_no_row_is_empty() -> None:
    for name, row in LIBRARIES.items():
        assert all(text.strip() for text in (row.guess, row.happened, row.recipe)), name


def test_each_library_that_is_installed_has_a_recipe() -> None:
    recipes = {file.stem for file in RECIPES.glob("*.yaml")} - {"trainer", "network", "lightning"}
    assert recipes == {name for name, row in LIBRARIES.items() if row.requires}
    for row in LIBRARIES.values():
        assert bool(row.requires) == bool(row.modules)
        assert all("==" in requirement for requirement in row.requires[:1])


def test_the_workflow_tries_each_library_that_is_installed() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    tried = workflow["jobs"]["works-with"]["strategy"]["matrix"]["library"]
    assert tried == [name for name, row in LIBRARIES.items() if row.requires]


def test_the_page_shows_the_recipes_as_they_are() -> None:
    for name in ("trainer", "monai"):
        assert f'```yaml title="{name}.yaml"\n{(RECIPES / name).with_suffix(".yaml").read_text()}```' in TEXT
