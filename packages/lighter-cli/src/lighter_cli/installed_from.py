"""Say how Lighter itself is installed, as requirements that install the same elsewhere."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from urllib.parse import unquote, urlsplit

PACKAGES = ("lighter-config", "lighter-core", "lighter-cli")


def requirements() -> list[str]:
    """Return the requirements of Lighter's packages, from the origin that the installer noted (PEP 610).

    From a package index this is the version. From a folder, a repository or a file it is that origin, for each of the
    packages: an index may have none of them.
    """
    return [_requirement(name, *_installed(name)) for name in PACKAGES]


def requirements_elsewhere(versions: Mapping[str, str]) -> list[str]:
    """Return the requirements of Lighter's packages for another machine, which has none of the files of this one.

    Args:
        versions: The versions that are needed. Another version than this one is required by its number alone.
    """
    lines = []
    for name in PACKAGES:
        version, origin = _installed(name)
        needed = versions.get(name, version)
        is_here = origin.get("url", "").startswith("file:")
        lines.append(_requirement(name, needed, {} if is_here or needed != version else origin))
    return lines


def _installed(name: str) -> tuple[str | None, dict[str, Any]]:
    """Return version and origin of a package; no version if it runs from a source tree that was never installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None, {}
    return found.version, json.loads(found.read_text("direct_url.json") or "{}")


def _requirement(name: str, version: str | None, origin: dict[str, Any]) -> str:
    return name if version is None else _from_origin(name, version, origin)


def _from_origin(name: str, version: str, origin: dict[str, Any]) -> str:
    """Write one requirement.

    >>> _from_origin("lighter-cli", "0.2.0", {})
    'lighter-cli==0.2.0'
    >>> _from_origin("lighter-cli", "0.2.0", {"url": "file:///a%20b/cli", "dir_info": {"editable": True}})
    '-e "/a b/cli"'
    >>> vcs = {"vcs": "git", "commit_id": "1f2e", "requested_revision": "main"}
    >>> _from_origin("x", "1", {"url": "https://host/x.git", "vcs_info": vcs, "subdirectory": "packages/x"})
    'x @ git+https://host/x.git@1f2e#subdirectory=packages/x'
    """
    url = origin.get("url")
    if not url:
        return f"{name}=={version}"
    within = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
    if vcs := origin.get("vcs_info"):
        return f"{name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}{within}"
    if origin.get("dir_info", {}).get("editable"):
        folder = unquote(urlsplit(url).path)
        return f'-e "{folder}"' if " " in folder else f"-e {folder}"
    return f"{name} @ {url}{within}"
