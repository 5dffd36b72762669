"""Which callables a config may name: those of the list, those that the user adds, and the user's own project."""

import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from pathlib import Path

from lighter_config.pyproject import search_path
from lighter_config.signatures import Signature, SignatureReader

PROJECT = "project"


@cache
def listed_targets() -> frozenset[str]:
    """Return the dotted names of ``targets.txt``, and those of ``lightning`` for those of ``pytorch_lightning``.

    >>> "torch.nn.Linear" in listed_targets(), "torch.load" in listed_targets()
    (True, False)
    """
    from importlib.resources import files  # which few commands need

    names: set[str] = set()
    module = ""
    for line in files(__package__).joinpath("targets.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            names.update(f"{module}.{name}" for name in line.split())
        elif not line.startswith("#"):
            module = line.removesuffix(":")
    of_lightning = [name.removeprefix("pytorch_lightning.") for name in names if name.startswith("pytorch_lightning.")]
    names.update(f"lightning.pytorch.{name}" for name in of_lightning)
    names.update(f"lightning.{name}" for name in of_lightning if "." not in name)
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be named beside the list.

    Attributes:
        names: Callables, and packages: of a package, what is defined in it, not what it only imports.
        trusts_project: Whether the folder of ``project`` is the user's own, rather than one that the config chose.
    """

    names: tuple[str, ...] = ()
    trusts_project: bool = True

    def why_not(self, target: str, reader: SignatureReader) -> str:
        """Return why a target may not be named, as the rest of a sentence about it; empty when it may."""
        if target in self.names:
            return ""
        reason = "is not on its list"
        if target in listed_targets():
            here = Path.cwd()
            reason = _imposture(target.partition(".")[0], tuple(sys.path), (here, *search_path(here)))
            if not reason:
                return ""
        packages = [name for name in self.names if target.startswith(f"{name}.")]
        if target.startswith(f"{PROJECT}.") and self.trusts_project:
            packages.append(PROJECT)
        if not packages:
            if target.startswith(f"{PROJECT}."):
                return "is outside the working directory or beside the config"
            return reason
        answer = reader.read(target)
        if isinstance(answer, Signature) and any(answer.name.startswith(f"{package}.") for package in packages):
            return ""
        if isinstance(answer, Signature):
            return f"is {answer.name}, defined outside {packages[0]}"
        return f"may be defined outside {packages[0]}"


@lru_cache(maxsize=64)
def _imposture(package: str, import_path: tuple[str, ...], own_folders: tuple[Path, ...]) -> str:
    """Return what is wrong when a listed package is a folder or file of the user's own, not an installed one.

    Args:
        package: The name of the package.
        import_path: ``sys.path``.
        own_folders: The working directory, then the folders of ``search-path``.
    """
    is_standard = package in sys.stdlib_module_names
    found = None if is_standard else PathFinder.find_spec(package, [*import_path, *map(str, own_folders)])
    places = [] if found is None else [*(found.submodule_search_locations or ()), found.origin]
    inside = {Path(place).absolute().parent for place in places if place}
    for number, folder in enumerate(own_folders):
        if inside & {folder, folder / package}:
            where = f"{folder.name!r} of search-path" if number else "the working directory"
            return f"is in {package!r} in {where}, not in an installed package"
    return ""
