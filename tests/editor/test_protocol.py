"""Every request of the protocol, asked of the real server by pytest-lsp on real experiments."""

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
pytest_lsp = pytest.importorskip("pytest_lsp")

from lsprotocol import types  # noqa: E402
from pytest_lsp import ClientServerConfig, LanguageClient  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
CONFIG = ClientServerConfig(server_command=[sys.executable, "-m", "lighter_cli", "lsp"])

BASE = """\
vars: {rate: 0.1, size: 8}
trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 2}
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: "%vars::rate"}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2], batch_size: "%vars::size"}
"""
EXPERIMENT = """\
_base_: base.yaml
vars: {rate: 0.2}
trainer: {max_epochs: "%part.yaml::epochs"}
"""
FILES = {
    "base.yaml": BASE,
    "experiment.yaml": EXPERIMENT,
    "part.yaml": "epochs: 7\n",
    "overlay.yaml": "# lighter: base.yaml, this, seed=4\nvars: {size: 16}\n",
    "in_table.yaml": "vars: {size: 32}\n",
    "pyproject.toml": '[tool.lighter.experiments]\nwide = ["base.yaml", "in_table.yaml"]\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an experiment in several files, and those of the repository."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest_lsp.fixture(config=CONFIG)
async def client(lsp_client: LanguageClient, folder: Path):
    capabilities = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(apply_edit=True),
        window=types.WindowClientCapabilities(show_document=types.ShowDocumentClientCapabilities(support=True)),
    )
    await lsp_client.initialize_session(types.InitializeParams(capabilities, root_uri=folder.as_uri()))
    yield
    await lsp_client.shutdown_session()


async def open_file(client: LanguageClient, file: Path, text: str | None = None) -> types.TextDocumentIdentifier:
    """Open a file, and wait until it has been checked."""
    text = file.read_text(encoding="utf-8") if text is None else text
    document = types.TextDocumentItem(file.as_uri(), "yaml", 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    while file.as_uri() not in client.diagnostics:
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return types.TextDocumentIdentifier(file.as_uri())


def at(text: str, written: str, behind: int = 1) -> types.Position:
    """Return the position some characters behind where a piece of a text begins."""
    before = text[: text.index(written) + behind]
    return types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT / "examples")))
async def test_an_example_has_no_errors_and_every_request_an_answer(
    example: Path, client: LanguageClient, folder: Path
):
    file = folder / "examples" / example.relative_to(ROOT / "examples")
    document = await open_file(client, file)
    text = file.read_text(encoding="utf-8")
    errors = [one for one in client.diagnostics[file.as_uri()] if one.severity == types.DiagnosticSeverity.Error]
    assert not [
        one.message for one in errors if "project." not in one.message and "install the package" not in one.message
    ]
    outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    assert [one.name for one in outline or []]
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
    assert tokens is not None
    assert len(tokens.data) % 5 == 0
    assert len(tokens.data) > 0
    await client.text_document_document_link_async(types.DocumentLinkParams(document))
    everything = types.Range(types.Position(0, 0), types.Position(10**4, 0))
    await client.text_document_inlay_hint_async(types.InlayHintParams(document, everything))
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(document))
    assert len(lenses or []) >= 2
    for line, written in enumerate(text.split("\n")):
        position = types.Position(line, len(written) * 2 // 3)
        await client.text_document_hover_async(types.HoverParams(document, position))
        await client.text_document_definition_async(types.DefinitionParams(document, position))
        await client.text_document_completion_async(types.CompletionParams(document, position))


@pytest.mark.asyncio
async def test_hover_and_definition_follow_base_and_other_files(client: LanguageClient, folder: Path):
    document = await open_file(client, folder / "experiment.yaml")
    hover = await client.text_document_hover_async(types.HoverParams(document, at(EXPERIMENT, "rate")))
    assert "base.yaml:1:14" in hover.contents.value
    position = at(EXPERIMENT, "epochs", 12)
    found = await client.text_document_definition_async(types.DefinitionParams(document, at(EXPERIMENT, 'epochs"')))
    assert [place.uri for place in found] == [(folder / "part.yaml").as_uri()]
    hover = await client.text_document_hover_async(types.HoverParams(document, at(EXPERIMENT, "%part", 12)))
    assert "7" in hover.contents.value
    assert position.line == 2
    links = await client.text_document_document_link_async(types.DocumentLinkParams(document))
    assert {link.target for link in links} == {(folder / name).as_uri() for name in ("base.yaml", "part.yaml")}


@pytest.mark.asyncio
async def test_a_variable_is_renamed_in_every_file_of_its_experiments(client: LanguageClient, folder: Path):
    documents = {name: await open_file(client, folder / name) for name in ("base.yaml", "experiment.yaml")}
    position = at(EXPERIMENT, "rate")
    span = await client.text_document_prepare_rename_async(
        types.PrepareRenameParams(documents["experiment.yaml"], position)
    )
    assert (span.start.character, span.end.character) == (7, 11)
    references = await client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(include_declaration=True), documents["experiment.yaml"], position)
    )
    assert len(references) == 3
    edit = await client.text_document_rename_async(types.RenameParams(documents["experiment.yaml"], position, "speed"))
    assert {Path(uri).name: len(changes) for uri, changes in edit.changes.items()} == {
        "base.yaml": 2,
        "experiment.yaml": 1,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["overlay.yaml", "in_table.yaml"])
async def test_a_part_is_checked_with_its_experiment(name: str, client: LanguageClient, folder: Path):
    wrong = FILES[name].replace("size", "sise")
    document = await open_file(client, folder / name, wrong)
    (found,) = client.diagnostics[document.uri]
    assert "vars::sise is not used" in found.message
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(document))
    words = {"overlay.yaml": "base.yaml overlay.yaml seed=4", "in_table.yaml": "wide"}[name]
    assert words in lenses[0].command.title
    await client.workspace_execute_command_async(
        types.ExecuteCommandParams(lenses[0].command.command, lenses[0].command.arguments)
    )
    assert "1 warning" in client.messages[-1].message


@pytest.mark.asyncio
async def test_a_mistake_is_shown_and_its_action_mends_it(client: LanguageClient, folder: Path):
    wrong = BASE.replace("in_features", "in_feature")
    document = await open_file(client, folder / "base.yaml", wrong)
    found = client.diagnostics[document.uri]
    (mistake,) = [one for one in found if "is not an argument" in one.message]
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(document, mistake.range, types.CodeActionContext([mistake]))
    )
    assert actions[0].title == "rename to `in_features`"
    (change,) = actions[0].edit.changes[document.uri]
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(2, document.uri),
            [types.TextDocumentContentChangePartial(change.range, change.new_text)],
        )
    )
    client.diagnostics.clear()
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    assert not client.diagnostics[document.uri]


@pytest.mark.asyncio
async def test_completion_knows_the_arguments_and_the_merged_config(client: LanguageClient, folder: Path):
    text = EXPERIMENT + "system: {optimizer: {mom}}\n"
    document = await open_file(client, folder / "experiment.yaml", text)
    found = await client.text_document_completion_async(types.CompletionParams(document, at(text, "mom", 3)))
    assert "momentum" in [item.label for item in found.items]


@pytest.mark.asyncio
async def test_a_hint_tells_the_value_of_the_base(client: LanguageClient, folder: Path):
    document = await open_file(client, folder / "experiment.yaml")
    everything = types.Range(types.Position(0, 0), types.Position(10, 0))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document, everything))
    assert [hint.label for hint in hints] == ["was 0.1", "was 2"]


@pytest.mark.asyncio
async def test_a_base_that_changes_on_the_disk_is_read_again(client: LanguageClient, folder: Path):
    document = await open_file(client, folder / "experiment.yaml")
    assert not client.diagnostics[document.uri]
    (folder / "part.yaml").write_text("epoch: 7\n")
    event = types.FileEvent((folder / "part.yaml").as_uri(), types.FileChangeType.Changed)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    while not client.diagnostics[document.uri]:
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    assert "epochs" in client.diagnostics[document.uri][0].message
