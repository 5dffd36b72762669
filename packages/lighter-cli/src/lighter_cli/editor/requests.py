"""Which function answers which request."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from lighter_cli.editor.code_actions import code_actions
from lighter_cli.editor.code_lens import code_lenses
from lighter_cli.editor.completion import completion
from lighter_cli.editor.definition import definitions
from lighter_cli.editor.hover import hover
from lighter_cli.editor.inlay_hints import inlay_hints
from lighter_cli.editor.links import links
from lighter_cli.editor.references import references, rename, renamed_span
from lighter_cli.editor.semantic_tokens import LEGEND, semantic_tokens
from lighter_cli.editor.server import Server
from lighter_cli.editor.symbols import symbols
from lighter_cli.editor.workspace import Workspace, path_of_uri
from lighter_config import ConfigError

Result = TypeVar("Result")
_TRIGGERS = [".", ":", "@", "%", '"', "'", " ", "/", "$"]


def register_requests(server: Server) -> None:
    """Let a server answer every request about a file."""
    _register_positions(server)
    _register_files(server)


def _register_positions(server: Server) -> None:
    def at(params: Any, answer: Callable[[Workspace, Path, int, int], Result]) -> Result | None:
        file = path_of_uri(params.text_document.uri)
        if file is None:
            return None
        lines = server.files.lines(file)
        line = min(params.position.line, len(lines) - 1)
        return answer(server.files, file, line, server.files.units.column(lines[line], params.position.character))

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=_TRIGGERS, resolve_provider=False)
    )
    def on_completion(params: types.CompletionParams) -> types.CompletionList | None:
        return at(params, completion)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def on_hover(params: types.HoverParams) -> types.Hover | None:
        return at(params, hover)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: types.DefinitionParams) -> list[types.Location] | None:
        return at(params, definitions)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def on_references(params: types.ReferenceParams) -> list[types.Location] | None:
        is_wanted = params.context.include_declaration
        return at(params, partial(references, with_declaration=is_wanted))

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def on_prepare_rename(params: types.PrepareRenameParams) -> types.Range | None:
        file = path_of_uri(params.text_document.uri)
        span = at(params, renamed_span)
        return None if span is None or file is None else server.files.units.range_of(server.files.lines(file), span)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def on_rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        try:
            return at(params, partial(rename, name=params.new_name))
        except ConfigError as error:
            raise JsonRpcInvalidParams(error.findings[0].message) from error


def _register_files(server: Server) -> None:
    def of(uri: str, answer: Callable[[Workspace, Path], Result]) -> Result | None:
        file = path_of_uri(uri)
        return None if file is None else answer(server.files, file)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def on_code_action(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        return of(params.text_document.uri, partial(code_actions, diagnostics=params.context.diagnostics))

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
        return of(params.text_document.uri, symbols)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK)
    def on_links(params: types.DocumentLinkParams) -> list[types.DocumentLink] | None:
        return of(params.text_document.uri, links)

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND)
    def on_semantic_tokens(params: types.SemanticTokensParams) -> types.SemanticTokens | None:
        return of(params.text_document.uri, semantic_tokens)

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def on_inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint] | None:
        lines = range(params.range.start.line, params.range.end.line + 1)
        return of(params.text_document.uri, partial(inlay_hints, shown_lines=lines, defaults=server.shows_defaults))

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    def on_code_lens(params: types.CodeLensParams) -> list[types.CodeLens] | None:
        return of(params.text_document.uri, code_lenses)
