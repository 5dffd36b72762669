"""While somebody types, breaks the file and takes edits back, every request is answered, and nothing said is stale.

``LIGHTER_RANDOM_EDITS=10000 pytest .../test_random_edits.py`` makes that many in each experiment;
``LIGHTER_RANDOM_SEED`` starts at another seed.
"""

import contextlib
import gc
import os
import random
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("pygls")

from client import Client
from lsprotocol import types
from lsprotocol.converters import get_converter
from open_files import edit, said_by, said_by_check, said_by_editor
from typist import Typist

from lighter_cli.editor.code_actions import code_actions
from lighter_cli.editor.code_lens import code_lenses
from lighter_cli.editor.completion import completion
from lighter_cli.editor.definition import definitions
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.hover import hover
from lighter_cli.editor.inlay_hints import inlay_hints
from lighter_cli.editor.links import links
from lighter_cli.editor.references import references, rename, renamed_span
from lighter_cli.editor.semantic_tokens import semantic_tokens
from lighter_cli.editor.spans import Units
from lighter_cli.editor.symbols import symbols
from lighter_cli.editor.workspace import Workspace
from lighter_config import ConfigError, YamlError, load

NUM_EDITS = int(os.environ.get("LIGHTER_RANDOM_EDITS", "300"))
SEED = int(os.environ.get("LIGHTER_RANDOM_SEED", "0"))
EDITS_BETWEEN_CHECKS = 100
MAX_GROWTH = 60 * 2**20
"""Of the memory from the 1,000th edit on: caches fill up, and then stay as they are."""

POSITIONS = (completion, hover, definitions, references, renamed_span)
FILES = (symbols, links, code_lenses, semantic_tokens)


def ask_everything(workspace: Workspace, file: Path, line: int, column: int) -> None:
    """Ask every request, each of which may answer nothing, but must answer."""
    for of_position in POSITIONS:
        of_position(workspace, file, line, column)
    with contextlib.suppress(ConfigError):  # what cannot be renamed is refused
        rename(workspace, file, line, column, "renamed")
    for of_file in FILES:
        of_file(workspace, file)
    inlay_hints(workspace, file, range(1000), defaults=True)
    code_actions(workspace, file, diagnostics_of(workspace, file))


def assert_nothing_is_stale(workspace: Workspace, files: Sequence[Path], typists: dict[Path, Typist]) -> None:
    """Compare with `lighter check` on the same texts; where one of them is broken, its syntax error must be shown."""
    for file in files:
        file.write_text(typists[file].text, encoding="utf-8", newline="")
    checked = said_by_check(files)
    is_broken = any(workspace.texts.findings(file) for file in files)
    for file in files:
        shown, expected = said_by_editor(workspace, file), checked.get(file, set())
        if not workspace.is_config(file):  # a file of YAML that nothing builds on now
            assert not shown, file.name
        elif is_broken:  # what else is wrong stays shown, as it was before the line broke
            assert expected <= shown, file.name
        else:
            assert shown == expected, file.name


def type_in(files: Sequence[Path], memory: Callable[[], int]) -> Workspace:
    """Type in some files, now in one, now in another."""
    chosen = random.Random(SEED)
    originals = {file: file.read_text(encoding="utf-8") for file in files}
    typists = {file: Typist(text, SEED + number) for number, (file, text) in enumerate(originals.items())}
    workspace = Workspace()
    for file, text in originals.items():
        edit(workspace, file, text)
    after_warming = 0
    for number in range(1, NUM_EDITS + 1):
        file = chosen.choice(files) if chosen.random() < 0.1 else files[(number // 20) % len(files)]
        text = typists[file].edit()
        edit(workspace, file, text)
        lines = text.split("\n")
        line = chosen.randrange(len(lines))
        ask_everything(workspace, file, line, chosen.randint(0, len(lines[line])))
        if number % EDITS_BETWEEN_CHECKS == 0:
            assert_nothing_is_stale(workspace, files, typists)
        if number == 1000:
            after_warming = memory()
    assert not after_warming or memory() - after_warming < MAX_GROWTH
    for file, text in originals.items():  # back at the beginning, everything is as it was
        typists[file].text = text
        edit(workspace, file, text)
    assert_nothing_is_stale(workspace, files, typists)
    return workspace


def memory_of_process() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def can_be_read(text: str) -> bool:
    try:
        return load("typed.yaml", texts={"typed.yaml": text}, strict=False) is not None
    except YamlError:
        return False
    except ConfigError:
        return True


def test_typing_in_one_file_leaves_nothing_stale(digits: Path) -> None:
    workspace = type_in([digits], memory_of_process)
    assert len(workspace._checked) == 1
    assert len(workspace._entries) == 1


def test_typing_in_files_that_build_on_each_other_too(multi_file: Path) -> None:
    files = [multi_file / name for name in ("base.yaml", "exp.yaml", "data.yaml", "over.yaml")]
    workspace = type_in(files, memory_of_process)
    assert len(workspace._checked) == len(files)
    for file in files:
        workspace.close(file)
    assert not workspace._checked
    assert not workspace._entries


def num_same(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def change_between(before: str, after: str) -> dict[str, Any]:
    """Return the change of one stretch that makes a text of another, as an editor sends it."""
    start = num_same(before, after)
    rest = num_same(before[start:][::-1], after[start:][::-1])
    end = len(before) - rest

    def position(offset: int) -> dict[str, int]:
        line = before[:offset].count("\n")
        column = before[before.rfind("\n", 0, offset) + 1 : offset]
        return {"line": line, "character": len(column.encode("utf-16-le")) // 2}

    return {"range": {"start": position(start), "end": position(end)}, "text": after[start : len(after) - rest]}


@pytest.mark.slow
def test_typing_through_the_protocol_leaves_nothing_stale(digits: Path, tmp_path: Path) -> None:
    typist = Typist(digits.read_text(encoding="utf-8"), SEED)
    chosen = random.Random(SEED)
    with Client(tmp_path) as client:
        client.initialize()
        client.open(digits.name)
        for number in range(2, NUM_EDITS + 2):
            before = typist.text
            document = {"uri": digits.as_uri(), "version": number}
            change = change_between(before, typist.edit())
            client.notify("textDocument/didChange", textDocument=document, contentChanges=[change])
            lines = typist.text.splitlines() or [""]
            line = chosen.randrange(len(lines))
            for method in ("hover", "completion", "definition"):
                assert "result" in client.at(method, digits.name, line, len(lines[line]))
            if number % EDITS_BETWEEN_CHECKS == 0:
                digits.write_text(typist.text, encoding="utf-8", newline="")
                found = get_converter().structure(client.diagnostics_of(digits.name, number), list[types.Diagnostic])
                shown = {said_by(one, typist.text, Units()) for one in found}
                checked = said_by_check([digits]).get(digits, set())
                if can_be_read(typist.text):
                    assert shown == checked
                else:
                    assert shown >= checked
        assert psutil.Process(client.process.pid).memory_info().rss < 200 * 2**20
        assert client.end() == ""
