"""``lighter lsp``: serve an editor."""

import importlib.util

from lighter_cli.errors import EditorError
from lighter_config import Finding


def lsp() -> None:
    """Serve an editor by the Language Server Protocol, on standard input and output; editors start this command."""
    if importlib.util.find_spec("pygls") is None:
        message = "lighter lsp needs pygls, which is not installed"
        raise EditorError(Finding(message=message, fix="pip install 'lighter-cli[editor]'"))
    from lighter_cli.editor.serve import serve  # takes longer than a check

    serve()
