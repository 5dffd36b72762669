"""The statements of a module, cut out of its text, are those that Python parses."""

import ast
import os
import py_compile
import random
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from lighter_config.signatures import Signature, SignatureReader, Unknown
from lighter_config.signatures.text.outline import Outline, Piece, definitions_in, is_compiled

NUM_FILES = int(os.environ.get("LIGHTER_OUTLINED_FILES", "200"))

CUT = [
    "def f(): ...",
    "x = 1\nclass A: pass\ny = 2\n",
    "# first\n\nclass A:\n    x = 1\n# last of A\n\n\ndef f(): ...\n",
    "class A:\n    '''\ndef g(): ...\n'''\n    def f(self): ...\nx = 1\n",
    'def f():\n    """\nclass B: ...\n    \\""" def\n"""\nx = 2\n',
    "x = [\n'def f(): ...',\n'''\ndef g(): ...''',\n]\ndef h(): ...\n",
    "@a\n# why\n@b.c(1,\n    2)\nclass A: ...\n@property\ndef f(): ...\n",
    "if x:\n    def f(): ...\nelse:\n    def f(a): ...\nasync def g(): ...\n",
    "def f(): return 'it''s'\ndef g(): return \"'\"\nx = '#'\n",
    "x = 1 + \\\n2\ndef f(): return 1 + \\\n2\ny = 3\n",
    "def f(x): return f'{x!r:>{3}} {{}} {x[\"a\"]}'\ndef g(): return rf'{1}\\d'\n",
    'def f(x): return f"""\n{x}\ndef h(): ...\n"""\ndef g(): ...\n',
    "class A[T]: ...\ndef f(): ...\n" if sys.version_info >= (3, 12) else "class A(object): ...\n",
    "def f(): ...\n\n\n",
    "def f(): x = 1; y = '''\nclass A: ...\n'''\nz = 1",
    "classes = 1\ndefault = 2\nasynchronous = 3\ndef f(): ...\n",
]
NOT_CUT = [
    "def f(): ...\r\nx = 1\r\n",
    "def f(): ...\n\fdef g(): ...\n",
    "# -*- coding: latin-1 -*-\ndef f(): return 'ä'\n",
    "\ufeffdef f(): ...\n",
    "def ä(): ...\n",
    "def f(\na=1,\n): ...\nx = [\n1,\n]\ndef g(): ...\n",
    "x = (a\n@ b)\ndef f(): ...\n",
]

# the same quotes inside a field of an f-string, as Python 3.12 allows
QUOTES_IN_FIELDS = [
    'def f(x): return f"{x["a"]}"\ndef g(): ...\n',
    'def f(x): return f"{\'"\'}"\ndef g(): return "\'"\ndef h(): ...\n',
    "def f(x): return f'''{ \"'''\" }'''\ndef g(): ...\nx = '''\ndef h(): ...\n'''\n",
    'def f(x):\n    return f"{\n        x\n    }"\ndef g(): ...\n',
    """def f(x): return f"{x:{"a"}}" + f'{"'"}'\ndef g(): return 1\n""",
]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="not Python before 3.12")
@pytest.mark.parametrize("text", QUOTES_IN_FIELDS)
def test_quotes_in_fields_of_texts_do_not_lead_astray(text: str) -> None:
    source = text.encode()
    assert dumped(Outline(source, "m.py", is_valid=True).everything()) == dumped(ast.parse(source).body)


@pytest.mark.parametrize("text", CUT + NOT_CUT)
def test_statements_are_those_that_python_parses(text: str) -> None:
    source = text.encode("latin-1" if "latin-1" in text else "utf-8")
    outline = Outline(source, "m.py", is_valid=True)
    assert any(isinstance(one, Piece) for one in outline.statements) is (text in CUT)
    assert dumped(outline.everything()) == dumped(ast.parse(source).body)


def test_statements_of_libraries_are_those_that_python_parses() -> None:
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}
    files = sorted(file for folder in folders for file in folder.rglob("*.py*") if file.suffix in (".py", ".pyi"))
    num_cut = 0
    for file in random.Random(0).sample(files, min(NUM_FILES, len(files))):
        source = file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = dumped(ast.parse(source).body)
            except (SyntaxError, ValueError, RecursionError):
                continue
            outline = Outline(source, str(file), is_valid=True)
            num_cut += any(isinstance(one, Piece) for one in outline.statements)
            assert dumped(outline.everything()) == expected, file
    assert num_cut > 0.5 * min(NUM_FILES, len(files))


def test_decorators_are_known_by_their_last_names() -> None:
    source = (
        b"@a\n@b.overload  # why\n@c(overload)\ndef f(): ...\n@d.setter\ndef g(): ...\n@e.overload()\ndef h(): ...\n"
    )
    statements = Outline(source, "m.py", is_valid=True).statements
    assert [one.decorators if isinstance(one, Piece) else type(one) for one in statements] == [
        ast.FunctionDef,
        ("setter",),
        ast.FunctionDef,
    ]


def test_a_definition_is_found_with_its_whole_body() -> None:
    source = b"x = 1\nclass A:\n    def f(self):\n        y = 1\n        return y\n"
    (found,) = definitions_in(source, "A", is_valid=True)
    assert isinstance(found, ast.ClassDef)
    assert isinstance(method := found.body[0], ast.FunctionDef)
    assert (found.lineno, len(method.body)) == (2, 2)


def test_a_mistake_is_noticed_in_a_file_that_was_right(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("class A:\n    def __init__(self, a): ...\n\ndef f():\n    pass\n")
    py_compile.compile(str(file))
    assert is_compiled(str(file))
    assert isinstance(SignatureReader(search_path=[tmp_path], cache_folder=None).read("m.A"), Signature)
    file.write_text("class A:\n    def __init__(self, a): ...\n\ndef f(:\n    pass\n")
    assert not is_compiled(str(file))
    answer = SignatureReader(search_path=[tmp_path], cache_folder=None).read("m.A")
    assert isinstance(answer, Unknown)
    assert "line 4" in answer.reason


def dumped(statements: list[ast.stmt]) -> str:
    return ast.dump(ast.Module(statements, []), include_attributes=True)
