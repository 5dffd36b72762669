"""What an editor tells: where it is, which files are open, what is typed, what has changed on the disk."""

import os
from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from lighter_cli.editor.server import Server
from lighter_cli.editor.spans import Units
from lighter_cli.editor.workspace import Workspace, path_of_uri

PYPROJECT = "pyproject.toml"


def register_life(server: Server) -> None:
    """Let a server know of its editor: the folder, what it counts in, what it watches."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        folders = params.workspace_folders or []
        root = to_fs_path(folders[0].uri if folders else params.root_uri or "") or params.root_path
        if root and Path(root).is_dir():
            os.chdir(root)  # names in configs are relative to the working directory
        server.files = Workspace()
        server.files.units = Units(str(server.workspace.position_encoding or "utf-16"))

    @server.feature(types.INITIALIZED)
    def initialized(_: types.InitializedParams) -> None:
        watched = server.client_capabilities.workspace
        watching = watched.did_change_watched_files if watched is not None else None
        if watching is not None and watching.dynamic_registration:
            patterns = ("**/*.yaml", "**/*.yml", "**/*.py", f"**/{PYPROJECT}")
            options = types.DidChangeWatchedFilesRegistrationOptions(list(map(types.FileSystemWatcher, patterns)))
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            server.client_register_capability(
                types.RegistrationParams([types.Registration("files", method, options)]), lambda _: None
            )
        server.publish_settings()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched_files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        files = [path for change in params.changes if (path := path_of_uri(change.uri)) is not None]
        if any(file.name == PYPROJECT for file in files):
            server.files.forget_settings()
            server.publish_settings()
            server.code_changed()
        elif any(file.suffix == ".py" for file in files) and not server.files.code_is_current():
            server.code_changed()
        for file in files:
            if file not in server.files.open_files:
                server.changed(file)


def register_texts(server: Server) -> None:
    """Let a server take the texts of open files."""

    def take(uri: str) -> None:
        file = path_of_uri(uri)
        if file is None or file.name == PYPROJECT:
            return
        server.files.edit(file, server.workspace.get_text_document(uri).source, uri)
        server.changed(file)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        take(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        take(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        file = path_of_uri(params.text_document.uri)
        if file is not None and file.name == PYPROJECT:
            server.files.forget_settings()
            server.publish_settings()
            server.code_changed()
        elif file is not None:
            server.changed(file)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        file = path_of_uri(params.text_document.uri)
        if file is not None:
            server.closed(file)
