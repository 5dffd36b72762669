"""How quickly `lighter lsp` answers, beside `hydrust server`, which is compiled: both over the real protocol, in turns.

hydrust is in an environment of its own, and is shown the Python of this one, so that both read the same libraries::

    uv venv .venv-hydrust
    uv pip install --python .venv-hydrust hydrust
    python benchmarks/editor.py --hydrust .venv-hydrust/bin/hydrust

Each row has the medians of both, and the median of the ratios where there is a mark for it. `--edits 10000` adds the
memory after so many random edits. The exit code is 1 when a mark is missed.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIGITS = Path(__file__).parents[1] / "packages/lighter-cli/src/lighter_cli/templates/digits/config.yaml"
PATIENCE_S = 60
NUM_OPEN = 100

MISTAKES = (
    ("max_epochs: 10", "max_epoch: 10"),
    ("torch.nn.Conv2d", "torch.nn.Conv2D"),
    ("kernel_size: 3", "kernel_sise: 3"),
    ("torch.optim.AdamW", "torch.optm.AdamW"),
    ("%vars::num_classes", "%vars::num_clases"),
    ("task: multiclass", "task: multiclas"),
    ("mode: max", "mode: maximum"),
    ("monitor: val/metrics/MulticlassAccuracy/epoch", "monitor: val/acc"),
    ("\ntrainer:", "\ntrainr:"),
    ("shuffle: true", "shuffle: yes"),
    ("lr: 3e-3", "lr: 3e-3x"),
    ("in_channels: 1, ", ""),
    ("pytorch_lightning.Trainer", "pytorch_lightning.Trainr"),
    ("max_epochs: 10", "max_epochs: ten"),
    ("seed: 42", "seed: -1"),
    ("shuffle: true", "shufle: true"),
    ("@system::model.", "@system::modle."),
    ("_target_: torch.nn.CrossEntropyLoss", "_targt_: torch.nn.CrossEntropyLoss"),
    ("  criterion:", "  criteron:"),
    ("accelerator: auto", "accelerator: gpuu"),
)
"""One mistake each, in the digits example."""


class Client:
    """An editor without a window: it sends messages, and notes when answers come.

    Args:
        command: Starts the server.
        root: The folder that is open in the editor.
        options: What the server wants to know at its start.
    """

    def __init__(self, command: Sequence[str], root: Path, options: dict[str, Any] | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
        )
        self._received: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._last_id = 0
        threading.Thread(target=self._read, daemon=True).start()
        folder = {"uri": root.as_uri(), "name": root.name}
        capabilities = {"textDocument": {"publishDiagnostics": {}}}
        self.request(
            "initialize", processId=os.getpid(), rootUri=root.as_uri(), workspaceFolders=[folder],
            capabilities=capabilities, initializationOptions=options,
        )  # fmt: skip
        self.notify("initialized")

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while line := stream.readline():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif not line.strip():
                self._received.put((time.perf_counter(), json.loads(stream.read(length))))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def request(self, method: str, **params: Any) -> tuple[Any, float]:
        """Send a request; return its result, and the milliseconds until it came."""
        self._last_id += 1
        start = time.perf_counter()
        self._send({"id": self._last_id, "method": method, "params": params})
        at, message = self._wait(lambda received: received.get("id") == self._last_id and "method" not in received)
        return message.get("result"), (at - start) * 1000

    def open(self, file: Path, text: str) -> float:
        """Open a file; return when its diagnostics came, by ``time.perf_counter``."""
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)
        return self._diagnostics(file)[0]

    def change(self, file: Path, version: int, text: str) -> tuple[list[dict[str, Any]], float]:
        """Give a file another text; return its diagnostics, and the milliseconds until they came."""
        start = time.perf_counter()
        document = {"uri": file.as_uri(), "version": version}
        self.notify("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])
        at, found = self._diagnostics(file)
        return found, (at - start) * 1000

    def _diagnostics(self, file: Path) -> tuple[float, list[dict[str, Any]]]:
        method = "textDocument/publishDiagnostics"
        at, message = self._wait(
            lambda received: received.get("method") == method and received["params"]["uri"] == file.as_uri()
        )
        return at, message["params"]["diagnostics"]

    def _wait(self, fits: Callable[[dict[str, Any]], bool]) -> tuple[float, dict[str, Any]]:
        while True:
            at, message = self._received.get(timeout=PATIENCE_S)
            if fits(message):
                return at, message
            if "id" in message and "method" in message:  # what the server asks, such as which files to watch
                self._send({"id": message["id"], "result": None})

    @property
    def memory_mib(self) -> float:
        """The memory of the server."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def close(self) -> None:
        """End the server."""
        assert self.process.stdin is not None
        self.request("shutdown")
        self.notify("exit")
        self.process.stdin.close()  # hydrust waits for that
        self.process.wait()


@dataclass(slots=True)
class Row:
    """One row of the table.

    Attributes:
        work: What is measured.
        own: Milliseconds of Lighter, one for each time.
        other: Milliseconds of the other server; empty if it has no such request.
        ratio: The largest ratio that is good; ``None`` if there is no mark for it.
        limits: The most milliseconds of the median, and of 95 % of the times, that are good.
    """

    work: str
    own: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    ratio: float | None = None
    limits: tuple[float, float] | None = None

    def verdicts(self) -> list[bool]:
        """Return whether each mark is met."""
        met = []
        if self.ratio is not None and self.other:
            met.append(statistics.median(self.own) / statistics.median(self.other) <= self.ratio)
        if self.limits is not None:
            met += [statistics.median(self.own) < self.limits[0], _percentile(self.own) < self.limits[1]]
        return met

    def __str__(self) -> str:
        own, other = statistics.median(self.own), statistics.median(self.other) if self.other else None
        texts = [f"{own:.1f} ms, p95 {_percentile(self.own):.1f}"]
        texts.append("-" if other is None else f"{other:.2f} ms, p95 {_percentile(self.other):.2f}")
        texts.append("-" if other is None else f"{own / other:.1f}")
        marks = [f"{self.ratio:g} x"] if self.ratio is not None else []
        marks += [f"{self.limits[0]:g} and {self.limits[1]:g} ms"] if self.limits is not None else []
        verdict = ", ".join("met" if met else "MISSED" for met in self.verdicts())
        return f"| {self.work} | {' | '.join(texts)} | {'; '.join(marks)} | {verdict} |"


def _percentile(times: Sequence[float]) -> float:
    return sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]


class Contest:
    """Both servers, on the same files.

    Args:
        hydrust: The program.
        root: A folder for the files.
        repeats: How often everything is measured.
    """

    def __init__(self, hydrust: Path, root: Path, repeats: int) -> None:
        self._root, self._repeats = root, repeats
        self._commands = {
            "own": [sys.executable, "-c", "from lighter_cli.main import main; main()", "lsp"],
            "other": [str(hydrust), "server"],
        }
        self._text = DIGITS.read_text()
        self._file = root / "config.yaml"
        self._file.write_text(self._text)

    def client(self, name: str) -> Client:
        """Start a server."""
        return Client(self._commands[name], self._root, {"settings": {"pythonInterpreter": sys.executable}})

    def start(self) -> Row:
        """From the start of the process to the first diagnostics."""
        row = Row("start until the first diagnostics", ratio=3)
        for _ in range(max(self._repeats // 20, 3)):
            for name, times in (("own", row.own), ("other", row.other)):
                begin = time.perf_counter()
                client = self.client(name)
                times.append((client.open(self._file, self._text) - begin) * 1000)
                client.close()
        return row

    def changes(self, num_open: int = 1) -> Row:
        """One character more, then one less, until the diagnostics are there."""
        work = "change of a character until fresh diagnostics" + (f", {num_open} files open" if num_open > 1 else "")
        row = Row(work, ratio=2 if num_open == 1 else None, limits=(60, 120) if num_open == 1 else None)
        clients = {name: self._opened(name, num_open) for name in self._commands}
        for number in range(self._repeats):
            text = self._text + "#" * (number % 2)
            row.own.append(clients["own"].change(self._file, number + 2, text)[1])
            row.other.append(clients["other"].change(self._file, number + 2, text)[1])
        for client in clients.values():
            client.close()
        return row

    def _opened(self, name: str, num_open: int) -> Client:
        client = self.client(name)
        client.open(self._file, self._text)
        for number in range(1, num_open):
            other = self._root / f"other_{number}.yaml"
            other.write_text(self._text)
            client.open(other, self._text)
        return client

    def requests(self) -> list[Row]:
        """Completion of arguments, hover and definition."""
        lines = self._text.split("\n")
        line = next(number for number, text in enumerate(lines) if "torch.optim.AdamW" in text)
        inside = {"line": line, "character": lines[line].index("AdamW") + 1}
        typed = [*lines[: line + 1], "    wei", *lines[line + 1 :]]
        places = {
            "completion": ("completion of arguments", {"line": line + 1, "character": 7}, "\n".join(typed)),
            "hover": ("hover over a target", inside, self._text),
            "definition": ("definition of a target", inside, self._text),
        }
        rows = []
        for method, (work, position, text) in places.items():
            row = Row(work, ratio=2, limits=(30, 60))
            for name, times in (("own", row.own), ("other", row.other)):
                client = self.client(name)
                client.open(self._file, text)
                for _ in range(self._repeats):
                    document = {"uri": self._file.as_uri()}
                    result, taken = client.request(f"textDocument/{method}", textDocument=document, position=position)
                    if result:
                        times.append(taken)
                client.close()
            rows.append(row)
        return rows

    def mistakes(self) -> dict[str, int]:
        """Return how many of the mistakes each server names, in a text that it finds nothing else in."""
        found = {}
        for name in self._commands:
            client = self.client(name)
            client.open(self._file, self._text)
            clean, _ = client.change(self._file, 2, self._text + "\n")
            usual = {message["message"] for message in clean}
            found[name] = 0
            for number, (right, wrong) in enumerate(MISTAKES):
                assert right in self._text, right
                broken, _ = client.change(self._file, 2 * number + 3, self._text.replace(right, wrong, 1))
                found[name] += any(message["message"] not in usual for message in broken)
                client.change(self._file, 2 * number + 4, self._text)
            client.close()
        return found

    def memory(self, num_edits: int) -> list[float]:
        """Return the memory of Lighter's server after each tenth of some random edits, in MiB."""
        chance = random.Random(0)
        client = self.client("own")
        client.open(self._file, self._text)
        sizes, text = [client.memory_mib], self._text
        for number in range(num_edits):
            at = chance.randrange(len(text) + 1)
            insert, paste = chance.choice("abcz:_.%@$'\"{}[]-# \n"), text[at : at + chance.randrange(40)]
            length = chance.randrange(8)
            text = chance.choice(
                [text[:at] + insert + text[at:], text[:at] + text[at + length :], text[:at] + paste + text[at:]]
            )
            text = self._text if number % 50 == 0 or len(text) > 2 * len(self._text) else text
            client.change(self._file, number + 2, text)
            if (number + 1) % max(num_edits // 10, 1) == 0:
                sizes.append(client.memory_mib)
        client.close()
        return sizes


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hydrust", type=Path, required=True, help="its program, in an environment of its own")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--edits", type=int, default=0, help="random edits, for the memory")
    arguments = parser.parse_args()
    peer = subprocess.run([arguments.hydrust, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    own = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "pygls", "torch"))
    print(f"{own}; {peer}; Python {platform.python_version()}, {os.cpu_count()} cores, {arguments.repeats} times\n")
    with tempfile.TemporaryDirectory() as name:
        contest = Contest(arguments.hydrust.absolute(), Path(name).resolve(), arguments.repeats)
        contest.start()  # keeps the answers of both
        one = contest.changes()
        rows = [one, *contest.requests(), contest.changes(NUM_OPEN), contest.start()]
        print("| what | Lighter | hydrust | ratio | mark | |\n|---|---|---|---|---|---|")
        print("\n".join(map(str, rows)))
        many = statistics.median(rows[4].own) / statistics.median(one.own)
        found = contest.mistakes()
        print(f"\n{NUM_OPEN} files open against one: {many:.2f} x (mark 1.2)")
        print(f"mistakes named, of {len(MISTAKES)}: Lighter {found['own']}, hydrust {found['other']}")
        is_met = all(met for row in rows for met in row.verdicts()) and many <= 1.2
        if arguments.edits:
            sizes = contest.memory(arguments.edits)
            print(f"memory over {arguments.edits} random edits, MiB: {', '.join(f'{size:.0f}' for size in sizes)}")
            is_met &= sizes[-1] < 200
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
