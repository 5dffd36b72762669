"""Name the installed packages whose modules are imported."""

import os
import re
import sys
from collections.abc import Iterator
from itertools import islice

_METADATA = re.compile(r"(.+?)-(\d[^-]*)(?:-.*)?\.(?:dist|egg)-info")
_MAX_LINES = 300  # of a list of files


def imported_packages() -> dict[str, str]:
    """Return the versions of the distributions that imported modules come from, by name.

    ``importlib.metadata.packages_distributions`` answers the same in a hundred times the time: it reads the list of
    files of every distribution. Here the folder of a distribution tells its name, which most often is that of a module.
    """
    modules = {name.lower() for name in sys.modules if "." not in name}.difference(sys.stdlib_module_names)
    found: dict[str, str] = {}
    for folder, name, version in installed_packages():
        if re.sub(r"[-.]+", "_", name).lower() in modules or not modules.isdisjoint(_top_level_names(folder)):
            found.setdefault(name, version)
    return dict(sorted(found.items()))


def installed_packages() -> Iterator[tuple[str, str, str]]:
    """Yield the folder of the metadata, the name and the version of each distribution that can be imported."""
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208  # many times as fast
        except OSError:
            continue
        for name in names:
            if name.endswith("-info") and (match := _METADATA.fullmatch(name)):
                yield f"{entry or '.'}/{name}", match[1].replace("_", "-").lower(), match[2]


def _top_level_names(folder: str) -> set[str]:
    """Return the names of the modules of a distribution, in lower case."""
    for file, separator in (("top_level.txt", "\n"), ("RECORD", "/")):
        try:
            with open(f"{folder}/{file}", encoding="utf-8") as lines:  # noqa: PTH123  # a path takes as long to make
                names = {line.partition(separator)[0].strip() for line in islice(lines, _MAX_LINES)}
        except (OSError, ValueError):
            continue
        return {name.partition(".py,")[0].lower() for name in names}
    return set()
