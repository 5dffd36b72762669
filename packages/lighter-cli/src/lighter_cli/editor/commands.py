"""``workspace/executeCommand``: what the lenses of the first line do, and hints of defaults on request."""

import tempfile
from collections import Counter
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from lighter_cli.editor.code_lens import CHECK, SHOW
from lighter_cli.editor.server import Server
from lighter_cli.editor.workspace import Checked, path_of_uri
from lighter_config import Severity, to_yaml
from lighter_config.sources.file_names import shown

TOGGLE_DEFAULTS = "lighter.toggleDefaults"


def register_commands(server: Server) -> None:
    """Let a server run the commands of its lenses. They take the texts as they are, saved or not."""

    @server.command(CHECK)
    def on_check(ls: Server, uri: str, name: str) -> None:
        checked = _checked(ls, uri, name)
        kind = types.MessageType.Warning if checked.findings else types.MessageType.Info
        ls.window_show_message(types.ShowMessageParams(kind, _summary(checked)))

    @server.command(SHOW)
    def on_show(ls: Server, uri: str, name: str) -> None:
        checked = _checked(ls, uri, name)
        if checked.config is None:
            ls.window_show_message(types.ShowMessageParams(types.MessageType.Warning, _summary(checked)))
            return
        text = to_yaml(checked.config)
        window = ls.client_capabilities.window
        if window is not None and window.show_document is not None and window.show_document.support:
            ls.window_show_document(types.ShowDocumentParams(_written(text).as_uri()))
        else:
            ls.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))

    @server.command(TOGGLE_DEFAULTS)
    def on_toggle_defaults(ls: Server) -> None:
        ls.shows_defaults = not ls.shows_defaults
        workspace = ls.client_capabilities.workspace
        if workspace is not None and workspace.inlay_hint is not None and workspace.inlay_hint.refresh_support:
            ls.workspace_inlay_hint_refresh(None)


def _checked(server: Server, uri: str, name: str) -> Checked:
    file = path_of_uri(uri)
    if file is None:
        raise JsonRpcInvalidParams(f"{uri!r} is not a file")
    experiments = server.files.own_experiments(file)
    return server.files.check(next((one for one in experiments if one.name == name), experiments[0]))


def _summary(checked: Checked) -> str:
    counts = Counter(finding.severity for finding in checked.findings)
    found = ", ".join(f"{counts[kind]} {kind}{'s' * (counts[kind] > 1)}" for kind in Severity if counts[kind])
    name = checked.experiment.name or shown(checked.experiment.files[0])
    return f"{name}: {found or 'nothing wrong'}"


def _written(text: str) -> Path:
    """Write the merged config where no editor takes it for a config of the project."""
    file = Path(tempfile.mkdtemp(prefix="lighter-")) / "merged.yaml"
    file.write_text(text, encoding="utf-8")
    return file
