"""The schema of `lighter schema` in yaml-language-server: what an editor shows that knows YAML alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vscode.yaml_server import YamlServer

from lighter_cli.inspecting.schema import schema_text

ROOT = Path(__file__).parents[2]
FIRST_LINE = "# yaml-language-server: $schema=exp.schema.json\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example with its schema beside it."""
    folder = tmp_path_factory.mktemp("digits")
    text = (ROOT / "examples/digits/config.yaml").read_text()
    (folder / "exp.yaml").write_text(FIRST_LINE + text)
    (folder / "exp.schema.json").write_text(schema_text([str(folder / "exp.yaml")]))
    return folder


@pytest.fixture(scope="module")
def server(extension: Path, folder: Path) -> Iterator[YamlServer]:
    """The server that npm installed, with that folder."""
    if shutil.which("node") is None:
        pytest.skip("there is no Node.js")
    with YamlServer(extension / "node_modules/yaml-language-server/bin/yaml-language-server", folder) as running:
        yield running


def test_a_config_without_mistakes_has_no_diagnostics(server: YamlServer, folder: Path) -> None:
    file = folder / "exp.yaml"
    assert server.open(file, file.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_epochs: 20", "max_epoch: 20", "Property max_epoch is not allowed"),
        ("lr: 3e-3", "lr: fast", "Incorrect type"),
        ("average: macro", "average: makro", "macro"),
        ("      monitor: val/loss/epoch\n", "", "monitor"),
        ("seed: 42", "seed: -1", "minimum"),
    ],
)
def test_a_mistake_is_shown_at_its_line(server: YamlServer, folder: Path, old: str, new: str, message: str) -> None:
    text = (folder / "exp.yaml").read_text()
    assert old in text
    found = server.open(folder / f"{message.split()[-1]}.yaml", text.replace(old, new, 1))
    assert message in " ".join(one["message"] for one in found)
    lines = text.splitlines()
    first = next(index for index, line in enumerate(lines) if old.splitlines()[0] in line)
    if new:
        assert first in [one["range"]["start"]["line"] for one in found]


def test_arguments_are_completed_without_those_given(server: YamlServer, folder: Path) -> None:
    lines = (folder / "exp.yaml").read_text().splitlines()
    after = next(index for index, line in enumerate(lines) if "weight_decay" in line) + 1
    file = folder / "completed.yaml"
    server.open(file, "\n".join([*lines[:after], "    ", *lines[after:]]))
    labels = [item["label"] for item in server.at("completion", file, after, 4)["items"]]
    assert {"betas", "eps", "amsgrad"} <= set(labels)
    assert not {"lr", "weight_decay", "momentum"} & set(labels)


def test_hovering_shows_type_and_documentation(server: YamlServer, folder: Path) -> None:
    file = folder / "exp.yaml"
    lines = file.read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if "patience" in line)
    shown = server.at("hover", file, at, lines[at].index("patience") + 1)["contents"]["value"]
    assert "patience: int" in shown
    assert "number of checks with no improvement" in shown
