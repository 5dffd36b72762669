"""What is read of random modules agrees with what Python says after importing them: it may be unknown, never wrong.

``LIGHTER_RANDOM_MODULES=20000 pytest .../test_random_modules.py`` writes that many; ``LIGHTER_RANDOM_SEED`` starts at
another seed.
"""

import functools
import importlib
import inspect
import os
import py_compile
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from module_writer import Writer

from lighter_config.signatures import Answer, DoesNotExist, Signature, SignatureReader

NUM_MODULES = int(os.environ.get("LIGHTER_RANDOM_MODULES", "200"))
FIRST_SEED = int(os.environ.get("LIGHTER_RANDOM_SEED", "0"))
_PER_READER = 100


def test_random_modules_are_read_as_python_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    num_known = num_asked = 0
    wrong: list[str] = []
    for start in range(FIRST_SEED, FIRST_SEED + NUM_MODULES, _PER_READER):
        asked = write_modules(tmp_path, range(start, min(start + _PER_READER, FIRST_SEED + NUM_MODULES)))
        importlib.invalidate_caches()
        reader = SignatureReader(search_path=[tmp_path, *sys.path], cache_folder=None)
        for module_name, names in asked.items():
            try:
                module = importlib.import_module(module_name)
            except Exception:  # a random module may refuse to import
                continue
            for name in names:
                answer = reader.read(f"{module_name}.{name}")
                num_asked += 1
                num_known += isinstance(answer, Signature)
                if difference := differs(answer, module, name):
                    wrong.append(f"{module_name}.{name}: {difference}")
    for name in set(sys.modules) - before:
        del sys.modules[name]
    assert wrong == [], f"{len(wrong)} wrong of {num_asked}"
    assert num_known > 0.3 * num_asked, f"{num_known} known of {num_asked}"


def write_modules(folder: Path, seeds: range) -> dict[str, list[str]]:
    """Write one module for each seed, which may import from the one before; give the names to ask for."""
    asked: dict[str, list[str]] = {}
    other, names_of_other = "json", ["dumps"]
    for seed in seeds:
        name = f"random_module_{seed}"
        writer = Writer(seed, other, names_of_other)
        (file := folder / f"{name}.py").write_text(writer.write())
        if seed % 2:  # what Python has compiled is read in pieces
            py_compile.compile(str(file))
        asked[name] = list(dict.fromkeys([*writer.asked, "missing"]))
        other, names_of_other = name, writer.names[:3]
    return asked


def differs(answer: Answer, module: ModuleType, name: str) -> str:
    """Say in what an answer differs from what the module has; nothing if it is right or unknown."""
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, inspect.Parameter.empty)
    if typing.get_origin(value.func if isinstance(value, functools.partial) else value) is not None:
        return ""  # what `Class[int]` takes, Python does not say
    if isinstance(answer, DoesNotExist):
        is_missing = value is inspect.Parameter.empty or not callable(value)
        return "" if is_missing else f"{answer.message}, but it is {value}"
    if not isinstance(answer, Signature) or value is None or value is inspect.Parameter.empty:
        return ""  # what may be missing or None is taken to be there, as for an optional package
    try:
        expected = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError) as error:
        return f"takes {answer.keywords}, but inspect says: {error}"
    ours = [(one.name, one.kind.value, one.default is not None) for one in answer.parameters]
    theirs = [(one.name, one.kind.name, one.default is not inspect.Parameter.empty) for one in expected]
    return "" if ours == theirs else f"{ours} is not {theirs}"
