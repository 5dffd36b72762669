"""The server of one editor, on standard input and output."""

import contextlib
import sys

from lighter_cli.editor.commands import register_commands
from lighter_cli.editor.notifications import register_life, register_texts
from lighter_cli.editor.requests import register_requests
from lighter_cli.editor.server import Server


def make_server() -> Server:
    """Return a server that knows every notification, request and command."""
    server = Server()
    register_life(server)
    register_texts(server)
    register_requests(server)
    register_commands(server)
    return server


def serve() -> None:
    """Serve one editor until it ends."""
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not come between the messages
    with contextlib.suppress(BrokenPipeError):
        make_server().start_io(sys.stdin.buffer, replies)
