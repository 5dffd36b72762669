"""The exact versions that all sessions install, and `uv sync` and `uv run` too: the dependencies of .ci/pins."""

import json
import re
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parents[2]
FILE = ROOT / ".ci/pins/pyproject.toml"


def read_pins() -> list[str]:
    """Return the pins, each a requirement with one version, and a marker where it is not for every platform."""
    pins: list[str] = tomllib.loads(FILE.read_text())["project"]["dependencies"]
    return pins


def print_moved(session: nox.Session) -> None:
    """Print which installed versions are not the pinned ones, and which are not the newest releases."""
    listed = session.run_install("uv", "pip", "freeze", "--quiet", external=True, silent=True)
    assert isinstance(listed, str)
    pinned: dict[str, list[str]] = {}
    for pin in read_pins():
        name, _, version = pin.partition(" ;")[0].partition("==")
        pinned.setdefault(name, []).append(version)
    for line in listed.splitlines():
        name, _, version = line.partition("==")
        if name in pinned and version not in pinned[name]:
            session.log(f"{name} {version}, pinned {' or '.join(pinned[name])}")
    arguments = ["--outdated", "--format=json", "--quiet"]
    outdated = session.run_install("uv", "pip", "list", *arguments, external=True, silent=True)
    assert isinstance(outdated, str)
    for found in json.loads(outdated):
        session.log(f"{found['name']} {found['version']}, as {found['latest_version']} does not resolve")


def renew_pins(session: nox.Session) -> None:
    """Resolve the newest versions and write them; fail where they do not resolve to themselves."""
    _write([])  # else nothing would ever be upgraded
    newest = _resolve(session, "--upgrade")
    _write(newest)
    # markers are compared by their versions alone: uv may write the same marker in another way
    if _versions(_resolve(session)) != _versions(newest):
        session.error("the pins do not resolve to the versions that they were taken from")


def _resolve(session: nox.Session, *arguments: str) -> list[str]:
    (ROOT / "uv.lock").unlink(missing_ok=True)
    session.run("uv", "lock", "--quiet", *arguments, external=True)
    options = ["--frozen", "--all-groups", "--no-emit-workspace", "--no-header", "--no-annotate", "--no-hashes"]
    exported = session.run("uv", "export", "--quiet", *options, external=True, silent=True)
    assert isinstance(exported, str)
    return exported.splitlines()


def _versions(pins: list[str]) -> list[str]:
    return sorted(pin.partition(" ;")[0] for pin in pins)


def _write(pins: list[str]) -> None:
    block = "".join(f'    "{pin}",\n' for pin in pins)
    FILE.write_text(re.sub(r"(\ndependencies = \[\n)[^\]]*\]", rf"\g<1>{block}]", FILE.read_text()))
