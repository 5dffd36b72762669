#!/usr/bin/env bash
# Expected: pytest-lsp, which brings fixtures for language servers, changes nothing for tests that use none of them.
# What happens: while it is installed, every item that is not a function fails, such as a test that another plugin or a
# `conftest.py` makes of a YAML file: its hook around each call returns without a yield. Doctests are let through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
run() { "$folder/venv/bin/python" -W ignore -m pytest -q -p no:cacheprovider --tb=line --doctest-modules "$folder/tests" || true; }
mkdir "$folder/tests"
cat > "$folder/tests/conftest.py" <<'PYTHON'
import pytest


class Item(pytest.Item):
    """A test that passes."""

    def runtest(self):
        assert self.path.read_text() == "answer: 42\n"


class YamlFile(pytest.File):
    def collect(self):
        yield Item.from_parent(self, name="answer")


def pytest_collect_file(file_path, parent):
    return YamlFile.from_parent(parent, path=file_path) if file_path.suffix == ".yaml" else None
PYTHON
echo "answer: 42" > "$folder/tests/data.yaml"
printf 'def one():\n    """\n    >>> one()\n    1\n    """\n    return 1\n\n\ndef test_one():\n    assert one() == 1\n' > "$folder/tests/test_code.py"

install pytest==9.2.0 pytest-asyncio==1.5.0 pygls==2.1.1
before=$(run)
install pytest-lsp==1.0.1
after=$(run)
"$folder/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -i "^pytest"
echo "before: $(tail -1 <<< "$before")"
echo "with pytest-lsp: $(tail -1 <<< "$after")"
grep -o "RuntimeError: wrap_controller at 'pytest_runtest_call'" <<< "$after" | head -1
grep -q "^3 passed" <<< "$(tail -1 <<< "$before")"
grep -q "^1 failed, 2 passed" <<< "$(tail -1 <<< "$after")"
grep -q "FAILED.*data.yaml::answer" <<< "$after"
