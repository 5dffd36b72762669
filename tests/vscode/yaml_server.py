"""A client of the server of YAML that most editors use: the Language Server Protocol over its standard streams."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}


class YamlServer:
    """A running server, with one folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        command = ["node", str(program), "--stdio"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._num_asked = 0
        self._version = 0
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities={})
        self._send("initialized")
        self._send("workspace/didChangeConfiguration", settings=_SETTINGS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.ask("shutdown")
            self._send("exit")
        else:
            self._process.kill()
        self._process.communicate()

    def open(self, file: Path, text: str) -> list[dict[str, Any]]:
        """Open a file with this text, and return its diagnostics."""
        self._version += 1
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": self._version, "text": text}
        self._send("textDocument/didOpen", textDocument=document)

        def is_about_it(message: dict[str, Any]) -> bool:
            is_diagnostics = message.get("method") == "textDocument/publishDiagnostics"
            return is_diagnostics and message["params"]["uri"] == file.as_uri()

        diagnostics: list[dict[str, Any]] = self._wait(is_about_it)["params"]["diagnostics"]
        return diagnostics

    def at(self, request: str, file: Path, line: int, character: int) -> Any:
        """Ask for completion or hover at a place, which counts from 0."""
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{request}", textDocument={"uri": file.as_uri()}, position=position)

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request and return its result."""
        self._num_asked += 1
        number = self._num_asked
        self._send(method, number, **params)
        answer = self._wait(lambda message: message.get("id") == number and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def _send(self, method: str, number: int | None = None, **params: Any) -> None:
        self._write({"method": method, "params": params, **({} if number is None else {"id": number})})

    def _write(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()

    def _wait(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not is_wanted(message := self._read()):
            if "method" in message and "id" in message:  # a request of the server
                asked = message.get("params", {}).get("items", []) if "configuration" in message["method"] else None
                result = None if asked is None else [_SETTINGS.get(item.get("section", ""), {}) for item in asked]
                self._write({"id": message["id"], "result": result})
        return message

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message
