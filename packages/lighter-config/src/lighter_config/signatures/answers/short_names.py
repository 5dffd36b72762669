"""Find the import path of a class or function from only its name, in the source of installed packages."""

import functools
import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lighter_config.regular_files import is_regular, read_regular
from lighter_config.signatures.answers.answer import Signature
from lighter_config.signatures.answers.signature_reader import SignatureReader
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names

_NUM_SHOWN = 3
PACKAGES = ("lighter", "torch", "pytorch_lightning", "torchmetrics")
"""The packages to search, in this order."""

_FURTHER_PACKAGES = (
    "torchvision",
    "monai",
    "timm",
    "segmentation_models_pytorch",
    "albumentations",
    "kornia",
    "torchio",
    "lightly",
    "transformers",
    "diffusers",
    "torch_geometric",
)
"""Packages to search for a name that is in none of those, where they are installed."""

_ALIASES_OF_PACKAGES = {
    "F": "torch.nn.functional",
    "L": "lightning",
    "lr_scheduler": "torch.optim.lr_scheduler",
    "nn": "torch.nn",
    "np": "numpy",
    "optim": "torch.optim",
    "pl": "pytorch_lightning",
    "tm": "torchmetrics",
    "tv": "torchvision",
}
"""The names under which code imports packages; a target needs the whole path."""

_DEFINITION = re.compile(rb"^(?:class|def) ([A-Za-z]\w*)", re.MULTILINE)
_ALIASES = re.compile(rb"^((?:[A-Z]\w* = )+)[A-Z]\w*\s*$", re.MULTILINE)
# private modules and tests, which a config does not name
_PASSED_OVER = re.compile(r"(?:^|/)(?:_[a-z]|tests?(?:/|\.py)|testing/|demos/)")


@dataclass(frozen=True, slots=True)
class Named:
    """The targets with a given name.

    Attributes:
        targets: One import path for each definition with that name, shortest first.
        nearest: The most similar names, if there is no target.
    """

    targets: tuple[str, ...]
    nearest: tuple[str, ...] = ()


def find_named(name: str, reader: SignatureReader) -> Named:
    """Find classes and functions by name, without importing anything."""
    known: set[str] = set()
    for packages in (PACKAGES, _FURTHER_PACKAGES):
        definitions: list[str] = []
        for module, defined in _definitions(packages):
            known |= defined
            if name in defined:
                definitions.append(f"{module}.{name}")
        targets = dict.fromkeys(filter(None, (_shortest(target, reader) for target in definitions)))
        if not targets:
            continue
        order = {package: index for index, package in enumerate(packages)}
        return Named(
            tuple(sorted(targets, key=lambda target: (target.count("."), order[target.partition(".")[0]], target)))
        )
    return Named((), nearest_names(name, sorted(known)))


def find_in(package: str, name: str, reader: SignatureReader) -> tuple[str, ...]:
    """Find classes and functions of one package by name or by an alias, as bundles of MONAI name them.

    Returns:
        One import path for each definition, shortest first; also of one whose arguments cannot be read.
    """
    definitions = [f"{module}.{name}" for module, names in _with_aliases(package) if name in names]
    found = dict.fromkeys(_shortest(target, reader) or target for target in definitions)
    return tuple(sorted(found, key=lambda target: (target.count("."), target)))


@functools.cache
def names_defined(package: str) -> frozenset[str]:
    """Return the names of all public classes and functions of a package that its modules define; read once."""
    return frozenset().union(*(names for _, names in _with_aliases(package)))


def written_out(target: str, reader: SignatureReader, project: Path | None) -> tuple[str, ...]:
    """Find what a target may mean that is no import path: ``nn.Linear``, ``Linear``, a class of the user's project.

    Args:
        target: What is written.
        reader: Knows which targets exist.
        project: The folder of the user's code, which targets name ``project``.
    """
    first, dot, rest = target.partition(".")
    if dot:
        whole = f"{_ALIASES_OF_PACKAGES[first]}.{rest}" if first in _ALIASES_OF_PACKAGES else ""
        return (whole,) if whole and isinstance(reader.read(whole), Signature) else ()
    named = find_named(target, reader)
    alike = nearest_names(target, named.nearest[:1], likeness=NEARLY_THE_SAME)
    targets = named.targets or tuple(found for near in alike for found in find_named(near, reader).targets)
    return (*_in_project(target, project), *targets)[:_NUM_SHOWN]


def _in_project(name: str, project: Path | None) -> Iterator[str]:
    for file in sorted(project.rglob("*.py")) if project is not None else ():
        inside = file.relative_to(project).with_suffix("").parts if project is not None else ()
        if is_regular(file) and name.encode() in _DEFINITION.findall(read_regular(file)):
            yield ".".join(["project", *(inside[:-1] if inside[-1] == "__init__" else inside), name])


def is_installed(package: str) -> bool:
    """Return whether a top-level package is installed, without importing it."""
    return importlib.util.find_spec(package) is not None


@functools.cache
def _with_aliases(package: str) -> tuple[tuple[str, frozenset[str]], ...]:
    found = []
    for module, file in _modules(package):
        text = read_regular(file)
        aliases = [name for names in _ALIASES.findall(text) for name in names.split(b" = ")]
        found.append((module, frozenset(name.decode() for name in (*_DEFINITION.findall(text), *aliases) if name)))
    return tuple(found)


def _shortest(target: str, reader: SignatureReader) -> str | None:
    """Return the shortest import path of the same definition; ``None`` if the target cannot be read."""
    answer = reader.read(target)
    if not isinstance(answer, Signature):
        return None
    *modules, name = target.split(".")
    for length in range(1, len(modules)):
        shorter = ".".join([*modules[:length], name])
        found = reader.read(shorter)
        if isinstance(found, Signature) and found.name == answer.name:
            return shorter
    return target


def _definitions(packages: Sequence[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield each public module of packages with the names of the classes and functions that it defines."""
    for package in packages:
        for module, file in _modules(package):
            yield module, {found.decode() for found in _DEFINITION.findall(read_regular(file))}


def _modules(package: str) -> Iterator[tuple[str, Path]]:
    """Yield each public module of a package with its file."""
    spec = importlib.util.find_spec(package)  # this imports nothing for a top-level name
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        root = Path(folder)
        for file in sorted(root.rglob("*.py")):
            inside = file.relative_to(root)
            if _PASSED_OVER.search(inside.as_posix().replace("__init__.py", "")):
                continue
            parts = inside.with_suffix("").parts
            yield ".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)]), file
