"""A stranger's folder, huge files, messages in any order, an editor that dies: the server answers, and runs nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("pygls")

from client import Client

pytestmark = pytest.mark.slow

POSITIONS = ("hover", "completion", "definition", "prepareRename")
FILES = ("documentSymbol", "documentLink", "codeLens", "semanticTokens/full")

TRAPS = """\
project: code
vars: {os: $os, x: "%fifo.yaml::a", y: "%circle.yaml::b", z: "%zero.yaml::b", w: "%folder.yaml::b"}
trainer:
  _target_: evil.thing
  a: {_target_: os.mkdir, path: trace}
  b: "$__import__('os').mkdir('trace')"
  c: {_target_: project.evil.thing}
  d: {_target_: fifo.thing}
  e: {_target_: dict, _mode_: "$os.mkdir('trace')"}
  f: {_imports_: {bad: evil}, x: $bad.thing}
"""
TAG = "  g: !!python/object/apply:os.mkdir [trace]\n"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path) as started:
        yield started


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A folder whose modules leave a trace when they are imported, with files that never end."""
    evil = "import os\n\nos.mkdir('trace')\n\n\ndef thing(): ...\n"
    for file in (tmp_path / "evil.py", tmp_path / "code" / "evil.py", tmp_path / "__lighter__.py"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(evil, encoding="utf-8")
    for name in ("fifo.yaml", "fifo.py", "pyproject.toml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "circle.yaml").symlink_to("elcric.yaml")
    (tmp_path / "elcric.yaml").symlink_to("circle.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00a")
    return tmp_path


def ask_everything(client: Client, file: str, text: str) -> None:
    for line, written in enumerate(text.split("\n")):
        for method in POSITIONS:
            for column in (len(written) // 2, len(written)):
                assert "result" in client.at(method, file, line, column), (method, written)
    for method in FILES:
        assert "result" in client.request(f"textDocument/{method}", {"textDocument": {"uri": client.uri(file)}})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_traps_of_a_strangers_folder_are_not_sprung(trapped: Path, client: Client) -> None:
    client.initialize()
    bases = ("fifo.yaml", "circle.yaml", "zero.yaml", "folder.yaml", "bytes.yaml", "folder.yaml/x.yaml")
    texts = [TRAPS, TRAPS + TAG, *(f"_base_: [{base}]\n{TRAPS}" for base in bases)]
    for version, text in enumerate(texts):
        (client.open if version == 0 else client.change)("trap.yaml", text, version)
        client.diagnostics_of("trap.yaml", version)
        ask_everything(client, "trap.yaml", text)
    for name in bases[:-1]:
        client.at("hover", name, 0, 0)
        client.open(name, "seed: 1\n")
        client.diagnostics_of(name, 1)
        client.notify("textDocument/didClose", textDocument={"uri": client.uri(name)})
    uris = [path.as_uri() for path in trapped.iterdir()]
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": uri, "type": 2} for uri in uris])
    assert client.at("hover", "trap.yaml", 3, 14)["result"] is None
    assert not (trapped / "trace").exists()
    assert_imported_no_torch(client)
    assert client.end() == ""


def assert_imported_no_torch(client: Client) -> None:
    mapped = Path(f"/proc/{client.process.pid}/maps")
    assert not mapped.exists() or "libtorch" not in mapped.read_text()


def test_a_project_module_is_read_again_when_it_changes(tmp_path: Path, client: Client) -> None:
    module = tmp_path / "code" / "net.py"
    module.parent.mkdir()
    module.write_text("class Net:\n    def __init__(self, a): ...\n")
    (tmp_path / "config.yaml").write_text("project: code\nmodel: {_target_: project.net.Net, a: 1}\n")
    client.initialize()
    client.open("config.yaml")
    assert "a is not an argument" not in str(client.diagnostics_of("config.yaml", 1))
    for number in range(3):  # nobody types: the server looks for itself
        module.write_text(f"class Net:\n    def __init__(self, {'b' if number % 2 == 0 else 'a'}): ...\n# {number}\n")
        said = client.wait_for("textDocument/publishDiagnostics")["diagnostics"]
        assert ("model::a is not an argument of Net" in str(said)) is (number % 2 == 0)
    module.write_text("class Net(\n")
    assert "cannot be read as Python" in str(client.wait_for("textDocument/publishDiagnostics"))
    assert client.end() == ""


def test_of_a_huge_file_only_its_size_is_looked_at(tmp_path: Path, client: Client) -> None:
    huge = "trainer: {_target_: dict}\n" + "".join(
        f"k{number}: {{x: {number}, y: [1, 2]}}\n" for number in range(10**6)
    )
    client.initialize()
    client.open("huge.yaml", huge)
    (found,) = client.diagnostics_of("huge.yaml", 1)
    assert found["message"].startswith("huge.yaml has 30 MiB, of which nothing is read while you type")
    began = time.monotonic()
    ask_everything(client, "huge.yaml", huge[:100])
    assert time.monotonic() - began < 60  # to read it once takes longer
    client.notify("textDocument/didClose", textDocument={"uri": client.uri("huge.yaml")})
    (tmp_path / "huge.yaml").write_text(huge)
    client.open("on_it.yaml", "_base_: huge.yaml\nseed: 1\n")
    client.diagnostics_of("on_it.yaml", 1)
    while not client.diagnostics[client.uri("huge.yaml")]["diagnostics"]:
        client.wait_for("textDocument/publishDiagnostics")
    assert client.end() == ""


def test_an_edit_among_hundreds_of_open_files_is_checked(digits: Path, client: Client) -> None:
    text = digits.read_text(encoding="utf-8")
    client.initialize()
    number = 300
    for index in range(number):
        client.open(f"{index}.yaml", f"{text}\n# {index}")
    assert client.at("hover", "0.yaml", 26, 4)["result"] is not None  # among what is still to be checked
    for index in range(number):
        assert client.diagnostics_of(f"{index}.yaml", 1) == []
    client.change("7.yaml", text.replace("max_epochs", "max_epoch"), 2)
    assert "max_epoch is not an argument" in str(client.diagnostics_of("7.yaml", 2))
    assert client.end() == ""


def test_thousands_of_changes_leave_nothing_behind(digits: Path, client: Client) -> None:
    client.initialize()
    client.open("config.yaml", "seed: 1\n")
    sizes = []
    for version in range(2, 3_003):
        client.change("config.yaml", f"seed: {version % 2}\n", version)
        client.diagnostics_of("config.yaml", version)
        if version % 1_000 == 2:
            sizes.append(psutil.Process(client.process.pid).memory_info().rss / 2**20)
    assert sizes[-1] - sizes[1] < 2, sizes  # 5.6 MiB if pygls kept the result of each change
    assert client.end() == ""


def test_what_is_wrong_in_the_table_is_taken_back_with_the_table(digits: Path, client: Client) -> None:
    table = digits.parent / "pyproject.toml"
    table.write_text("[tool.lighter]\nsearch_path = []\n", encoding="utf-8")
    client.initialize()
    while not client.diagnostics.get(table.as_uri(), {}).get("diagnostics"):
        client.wait_for("textDocument/publishDiagnostics")
    assert "search-path" in client.diagnostics[table.as_uri()]["diagnostics"][0]["message"]
    table.write_text("[project]\n", encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": table.as_uri(), "type": 2}])
    while client.diagnostics[table.as_uri()]["diagnostics"]:
        client.wait_for("textDocument/publishDiagnostics")
    assert client.end() == ""


def test_requests_out_of_order_are_answered(digits: Path, client: Client) -> None:
    assert client.at("hover", "config.yaml", 1, 1)["error"]["code"] == -32002
    client.open("config.yaml")  # nobody has begun: it is dropped
    client.initialize()
    wrong = client.request("textDocument/hover", {"textDocument": 3})
    assert wrong["error"]["message"] == "these are not the parameters of textDocument/hover"
    assert client.request("textDocument/unknown", {})["error"]["code"] == -32601
    assert client.at("hover", "config.yaml", 26, 4)["result"]  # it lies on the disk, and was never opened
    assert client.at("hover", "missing.yaml", 26, 4)["result"] is None
    for uri in (client.uri("missing.yaml"), "untitled:1", "file:///"):
        for event in ("didClose", "didSave"):
            client.notify(f"textDocument/{event}", textDocument={"uri": uri})
        change = [{"text": "a: ["}]
        client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 1}, contentChanges=change)
        answer = client.request("workspace/executeCommand", {"command": "lighter.check", "arguments": [uri, ""]})
        assert "result" in answer or "is not a file" in answer["error"]["message"]
    client.open("config.yaml")
    for line, column in ((10**6, 10**6), (3, 10**9), (2**31 - 1, 2**31 - 1)):
        for method in POSITIONS:
            assert "result" in client.at(method, "config.yaml", line, column)
    for content in (b"{not json", b"[]", b"\xff\xfe", b'{"jsonrpc": "2.0"}'):
        client.send_bytes(content)
    assert client.at("hover", "config.yaml", 26, 4)["result"]
    client.request("shutdown")
    assert client.at("hover", "config.yaml", 26, 4)["error"]["message"] == "the server has been shut down"
    client.send({"method": "exit"})
    assert client.process.wait() == 0


def test_a_request_that_fails_is_logged_and_answered(digits: Path, tmp_path: Path) -> None:
    program = (
        "from lighter_cli.editor import requests\n"
        "def fails(*args): raise ZeroDivisionError('a bug')\n"
        "requests.hover = fails\n"
        "from lighter_cli.main import main; main()"
    )
    with Client(tmp_path, command=[sys.executable, "-c", program, "lsp"]) as client:
        client.initialize()
        client.open("config.yaml")
        assert "a bug" in client.at("hover", "config.yaml", 26, 4)["error"]["message"]
        assert client.at("definition", "config.yaml", 25, 20)["result"]
        assert "ZeroDivisionError: a bug" in client.end()


def test_a_server_ends_when_its_editor_is_killed(digits: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.append({str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from client import Client\n"
        "client = Client(Path.cwd())\n"
        "client.initialize(); client.open('config.yaml'); client.diagnostics_of('config.yaml', 1)\n"
        "print(client.process.pid, flush=True)\n"
        "number = 2\n"
        "while True: client.change('config.yaml', f'seed: {number}', number); number += 1\n"
    )
    editor = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert editor.stdout is not None
    server = int(editor.stdout.readline())
    editor.kill()
    editor.wait()
    editor.stdout.close()
    assert wait_until(lambda: not is_running(server))


def wait_until(is_true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while not is_true() and time.monotonic() < until:
        time.sleep(0.05)
    return is_true()


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_two_servers_in_one_folder_do_not_interfere(digits: Path, tmp_path: Path) -> None:
    text = digits.read_text(encoding="utf-8")
    with Client(tmp_path) as one, Client(tmp_path) as two:
        one.initialize()
        two.initialize()
        for version in range(1, 8):
            for name, client in (("x", one), ("y", two)):
                changed = text.replace("max_epochs", f"max_epoch{name}") + f"\n# {version}"
                (client.open if version == 1 else client.change)("config.yaml", changed, version)
            for name, client in (("x", one), ("y", two)):
                (found,) = client.diagnostics_of("config.yaml", version)
                assert found["message"].startswith(f"trainer::max_epoch{name} is not an argument")
        assert [one.end(), two.end()] == ["", ""]
