"""A client of ``lighter lsp`` that may do what no editor does: send messages out of order, or die."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

SERVER = [sys.executable, "-m", "lighter_cli", "lsp"]
Message = dict[str, Any]


class Client:
    """A client with a server of its own.

    Args:
        folder: The folder that the server works in.
        command: Starts the server.

    Attributes:
        process: The server.
        messages: What it sent besides answers: notifications and requests.
        diagnostics: What it said last of each file, by its address.
    """

    def __init__(self, folder: Path, command: Sequence[str] = SERVER) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder)
        self.messages: list[Message] = []
        self.diagnostics: dict[str, Message] = {}
        self._folder = folder
        self._arrived: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._errors: list[bytes] = []
        self._sent = 0
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._arrived.put(json.loads(stream.read(length)))
        self._arrived.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors += self.process.stderr

    def send(self, message: Message) -> None:
        """Send a message."""
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def send_bytes(self, content: bytes) -> None:
        """Send the content of a message."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self.process.stdin.flush()

    def notify(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    def request(self, method: str, params: Any = None) -> Message:
        """Send a request and return its answer, with `result` or `error`."""
        self._sent += 1
        self.send({"id": self._sent, "method": method, **({} if params is None else {"params": params})})
        return self._next(lambda message: message.get("id") == self._sent and "method" not in message)

    def wait_for(self, method: str) -> Message:
        """Return the parameters of the next notification of a kind."""
        found: Message = self._next(lambda message: message.get("method") == method)["params"]
        return found

    def diagnostics_of(self, file: str, version: int) -> list[Message]:
        """Return what is said of a version of a file; wait for it if it has not been said yet."""
        uri = self.uri(file)
        while self.diagnostics.get(uri, {}).get("version") != version:
            self.wait_for("textDocument/publishDiagnostics")
        found: list[Message] = self.diagnostics[uri]["diagnostics"]
        return found

    def _next(self, is_it: Any) -> Message:
        while (message := self._arrived.get()) is not None:
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]
            if is_it(message):
                return message
            self.messages.append(message)
            if "id" in message and "method" in message:
                self.send({"id": message["id"], "result": None})
        raise EOFError(f"the server has ended: {self.log()}")

    def uri(self, file: str) -> str:
        """Return the address of a file."""
        return (self._folder / file).as_uri()

    def initialize(self, **capabilities: Any) -> Message:
        """Begin, as an editor does in a folder."""
        params = {"processId": None, "rootUri": self._folder.as_uri(), "capabilities": capabilities}
        answer = self.request("initialize", params)
        self.notify("initialized")
        return answer

    def open(self, file: str, text: str | None = None, version: int = 1) -> None:
        """Open a file with the text of the disk, or another."""
        text = (self._folder / file).read_text(encoding="utf-8") if text is None else text
        document = {"uri": self.uri(file), "languageId": "yaml", "version": version, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)

    def change(self, file: str, text: str, version: int) -> None:
        """Replace the whole text of a file."""
        document = {"uri": self.uri(file), "version": version}
        self.notify("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])

    def at(self, method: str, file: str, line: int, character: int, **more: Any) -> Message:
        """Send a request about a position."""
        position = {"line": line, "character": character}
        return self.request(
            f"textDocument/{method}", {"textDocument": {"uri": self.uri(file)}, "position": position, **more}
        )

    def end(self) -> str:
        """End the server as an editor does; return what it has logged."""
        self.request("shutdown")
        self.send({"method": "exit"})
        assert self.process.wait() == 0
        return self.log()

    def log(self) -> str:
        """Return what the server has logged; all of it, once it has ended."""
        if self.process.poll() is not None:
            for thread in self._threads:
                thread.join()
        return b"".join(self._errors).decode()
