"""The YAML blocks of the earlier documents in an editor, which shows what a check says and answers every request."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from lighter_cli.checking.checker import Checker
from lighter_cli.editor.completion import completion
from lighter_cli.editor.definition import definitions
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.hover import hover
from lighter_cli.editor.references import references, renamed_span
from lighter_cli.editor.symbols import symbols
from lighter_cli.editor.workspace import Workspace

FOLDER = Path(__file__).parents[1] / "earlier_documents"
BLOCKS = sorted((FOLDER / "blocks").glob("*/*.yaml"))


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(FOLDER / "experiment", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_block_is_shown_as_it_is_checked_and_every_request_answers(block: Path, experiment: Path) -> None:
    text = block.read_text(encoding="utf-8")
    is_complete = "_target_: pytorch_lightning.Trainer" in text
    text = text if is_complete else f"# lighter: config.yaml, this\n{text}"
    file = (experiment / "block.yaml").resolve()
    file.write_text(text, encoding="utf-8")
    workspace = Workspace()
    workspace.edit(file, text, file.as_uri())
    for one in workspace.affected(file):
        workspace.check(one)
    shown = {diagnostic.message.split("\n")[0] for diagnostic in diagnostics_of(workspace, file)}
    (result,) = Checker().check_each(["block.yaml"])
    in_block = [one for one in result.findings if one.place is not None and one.place.source == "block.yaml"]
    assert {finding.message for finding in in_block} <= shown <= {finding.message for finding in result.findings}
    assert symbols(workspace, file)
    for line, written in enumerate(text.split("\n")):
        for column in range(0, len(written) + 1, 3):
            for request in (hover, definitions, references, renamed_span, completion):
                request(workspace, file, line, column)
