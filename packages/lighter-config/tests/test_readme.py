"""The blocks of the README run and print what it shows, where ``...`` stands for any text."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: title=\"(.+?)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_blocks_of_the_readme_print_what_it_shows(capsys):
    names: dict[str, object] = {}
    printed = shown = ""
    for kind, title, text in BLOCK.findall(README.read_text(encoding="utf-8")):
        if kind == "yaml":
            Path(title).write_text(text, encoding="utf-8")
        elif kind == "python":
            exec(compile(text, "README.md", "exec"), names)
            printed += capsys.readouterr().out
        elif kind == "text":
            shown += text
    assert re.fullmatch(re.escape(shown).replace(r"\.\.\.", ".*"), printed)
    assert printed
