"""What a record or a config holds cannot send control characters to the terminal."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.completion.shells import answer
from lighter_cli.runs.index import INDEX
from lighter_cli.runs.record import read_records
from lighter_cli.terminal.control_characters import escaped, escaped_in_json
from lighter_config import RECORD_FILE
from lighter_config.sources.recorded_places import RECORDED_PLACES

Command = Callable[..., subprocess.CompletedProcess[str]]

EVIL = "\x1b[2J\x9b1m\rfinished\u202e"


@pytest.mark.parametrize("code", [*range(32), *range(0x7F, 0xA0), 0x2028, 0x202E, 0x2066, 0xD800, 0xDFFF])
def test_every_control_character_is_escaped(code: int) -> None:
    assert escaped(f"a{chr(code)}b", is_line=True).isprintable()
    assert json.loads(escaped_in_json(json.dumps(chr(code), ensure_ascii=False))) == chr(code)


def test_text_of_every_language_and_lines_stay() -> None:
    text = "größe → 学習\n\t🙂 e\u0301 \u0645"
    assert escaped(text) == text


def test_records_cannot_control_the_terminal(in_process: Command, system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    (run,) = read_records(Path())
    content = json.loads((run.folder / RECORD_FILE).read_text())
    changed = {"words": [EVIL, "a\nb"], "error": f"{EVIL}\nstatus   finished", "versions": {EVIL: EVIL}}
    (run.folder / RECORD_FILE).write_text(json.dumps({**content, **changed}))
    (run.folder / RECORDED_PLACES).write_text(json.dumps({"trainer::max_epochs": [EVIL]}))
    folder = str(run.folder)
    for words in (
        ("runs", "list", "--columns", "id,words"),
        ("runs", "list", "--csv", "--columns", "words"),
        ("runs", "show", "last"),
        ("runs", "show", "last", "--json"),
        ("runs", "diff", "last", "last"),
        ("explain", "trainer::max_epochs", folder),
        ("show", folder, "--blame"),
        ("show", folder, f"trainer::{EVIL}=1"),
        ("runs", "show", EVIL),
    ):
        done = in_process(*words)
        assert all(char.isprintable() or char == "\n" for char in done.stdout + done.stderr), words
        if words[:2] == ("runs", "show"):
            assert not any(line.startswith("status   finished") for line in done.stdout.splitlines())
    assert "\\x1b[2J" in in_process("runs", "list", "--columns", "words").stdout
    shown = json.loads(in_process("runs", "show", "last", "--json").stdout)
    assert shown["words"] == changed["words"]


@pytest.mark.slow
def test_a_warning_about_a_damaged_record_is_escaped(lighter: Command) -> None:
    INDEX.parent.mkdir()
    INDEX.write_text(json.dumps(EVIL, ensure_ascii=False).replace("\\u001b", "\x1b") + "\n", encoding="utf-8")
    done = lighter("runs", "list")
    assert "is damaged and is skipped" in done.stderr
    assert all(char.isprintable() or char == "\n" for char in done.stderr)


def test_the_tab_key_offers_no_name_with_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    Path("good.yaml").touch()
    Path("evil\x1b[2J.yaml").touch()
    Path("two\nlines.yaml").touch()
    Path(os.fsdecode(b"\xff.yaml")).touch()
    answer(app, ["zsh", "1", "fit", ""])
    assert capsys.readouterr().out == "good.yaml \n"
