#!/usr/bin/env bash
# Expected: a language server that handles a change of a document and remembers nothing keeps its memory.
# What happens: pygls puts a future for each notification that it handles itself (open, change, save) among those of
# requests, and takes out only what is answered. A notification has no answer, so 1,000 changes leave 1,000 futures.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet pygls==2.1.1
cat > "$folder/server.py" <<'PYTHON'
from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("finding", "1")


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
def changed(params):
    pass


@server.feature(types.TEXT_DOCUMENT_HOVER)
def hover(params):
    return types.Hover(str(len(server.protocol._request_futures)))


server.start_io()
PYTHON
cat > "$folder/finding.py" <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

server = subprocess.Popen(
    [sys.executable, Path(__file__).with_name("server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
URI = "file:///config.yaml"


def send(method, number=None, **params):
    message = {"jsonrpc": "2.0", "method": method, "params": params, **({"id": number} if number is not None else {})}
    body = json.dumps(message).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    server.stdin.flush()


def answer(number):
    while True:
        length = 0
        while (line := server.stdout.readline()).strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        message = json.loads(server.stdout.read(length))
        if message.get("id") == number:
            return message["result"]


def kept(number):
    send("textDocument/hover", number, textDocument={"uri": URI}, position={"line": 0, "character": 0})
    return int(answer(number)["contents"])


send("initialize", 0, processId=None, rootUri=None, capabilities={})
answer(0)
send("initialized")
send("textDocument/didOpen", textDocument={"uri": URI, "languageId": "yaml", "version": 1, "text": "a: 1"})
before = kept(1)
for number in range(1_000):
    document = {"uri": URI, "version": number + 2}
    send("textDocument/didChange", textDocument=document, contentChanges=[{"text": f"a: {number}"}])
after = kept(2)
server.kill()
print("pygls", version("pygls"), "- futures kept before and after 1,000 changes:", before, after)
assert after - before >= 1_000
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
