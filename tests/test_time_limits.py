"""No test has a time limit of its own: on a busy machine it would end more than hangs (see ``timeout`` of pytest)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [file for folder in ("packages", "tests") for file in sorted((ROOT / folder).rglob("test*.py"))]
FILES = [file for file in FILES if "src" not in file.relative_to(ROOT).parts]

_WAITS = {"run", "wait", "communicate", "join", "check_call", "check_output", "result", "get"}


def own_limits(source: str) -> Iterator[int]:
    """Return the lines of calls that wait with a number of seconds.

    >>> list(own_limits("subprocess.run(command, timeout=60)\\nprocess.wait(10)\\nprocess.wait()\\n' '.join([])"))
    [1, 2]
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _WAITS:
            continue
        is_number = node.func.attr in ("wait", "join", "result") and len(node.args) == 1
        is_number = is_number and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int | float)
        if is_number or any(keyword.arg == "timeout" for keyword in node.keywords):
            yield node.lineno


def test_test_files_are_found() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_test_limits_the_time_of_a_process(file: Path) -> None:
    assert list(own_limits(file.read_text(encoding="utf-8"))) == []
