"""Small libraries to read: what a reader says of them is held against what Python says after importing them."""

import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lighter_config.signatures import Answer, Signature, SignatureReader

sys.path.append(str(Path(__file__).parent))


class CheckedReader(SignatureReader):
    """A reader that may say nothing of a library that is wrong: what it knows, ``inspect`` has to confirm."""

    def read(self, target: str) -> Answer:
        """Read a target; when it is known, import it and compare."""
        answer = super().read(target)
        if isinstance(answer, Signature):
            module, _, name = answer.target.partition(".")
            value: Any = importlib.import_module(module)
            parts = name.split(".")
            for index, part in enumerate(parts):
                if inspect.ismodule(value) and not hasattr(value, part):
                    importlib.import_module(".".join((module, *parts[: index + 1])))
                value = getattr(value, part)
            value = typing.get_origin(value) or value  # what `Class[int]` takes, Python says of the class
            expected = list(inspect.signature(value).parameters.values())
            assert [(p.name, p.kind.value) for p in answer.parameters] == [(p.name, p.kind.name) for p in expected]
            has_default = [p.default is not inspect.Parameter.empty for p in expected]
            assert [p.default is not None for p in answer.parameters] == has_default
        return answer


Package = Callable[..., SignatureReader]


@pytest.fixture
def write_modules() -> Callable[..., Path]:
    """Write the files of modules into a folder.

    ``pkg__part="..."`` writes ``pkg/part.py``, ``pkg____init__="..."`` writes ``pkg/__init__.py``.
    """

    def write(folder: Path, **files: str) -> Path:
        for name, text in files.items():
            file = folder / f"{name.replace('__init__', 'INIT').replace('__', '/').replace('INIT', '__init__')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))
        return folder

    return write


@pytest.fixture
def package(write_modules: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Write modules into ``tmp_path``, and give a reader that finds them beside the standard library."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    # a file written twice within a second has the bytecode of the first
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget() -> None:
        for name in set(sys.modules) - before:
            del sys.modules[name]

    def write(**files: str) -> SignatureReader:
        forget()
        write_modules(tmp_path, **files)
        importlib.invalidate_caches()
        return CheckedReader(cache_folder=None)

    yield write
    forget()


@pytest.fixture
def read(package: Package) -> Callable[..., Answer]:
    """Read ``lib.thing``, or another target, from a module ``lib`` with a text."""

    def read_it(text: str, target: str = "lib.thing", **files: str) -> Answer:
        return package(lib=text, **files).read(target)

    return read_it


@pytest.fixture
def takes(read: Callable[..., Answer]) -> Callable[..., tuple[str, ...] | None]:
    """Say by which keywords ``lib.thing``, or another target, takes its arguments; ``None`` when it is not known."""

    def takes_it(text: str, target: str = "lib.thing", **files: str) -> tuple[str, ...] | None:
        answer = read(text, target, **files)
        return answer.keywords if isinstance(answer, Signature) else None

    return takes_it
