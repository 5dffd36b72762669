"""The extension for Visual Studio Code: what its package holds, and that Node.js can read it."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package(extension: Path) -> zipfile.ZipFile:
    """The .vsix that `npm run package` wrote."""
    file = extension / "dist/lighter.vsix"
    if not file.is_file():
        pytest.skip("`npm run package` has not run in editors/vscode; the session `vscode` does that")
    return zipfile.ZipFile(file)


def test_the_package_holds_what_its_manifest_names(package: zipfile.ZipFile) -> None:
    names = set(package.namelist())
    manifest = json.loads(package.read("extension/package.json"))
    assert f"extension/{manifest['main'].removeprefix('./')}" in names
    assert {"extension/LICENSE.txt", "extension/readme.md", "extension/dist/LICENSES.txt"} <= names
    assert not [name for name in names if "node_modules" in name or name.endswith(".map")]
    asked = set(re.findall(r'Asset [^>]*Path="([^"]+)"', package.read("extension.vsixmanifest").decode()))
    assert asked
    assert asked <= names


def test_the_bundle_is_one_file_that_node_reads(package: zipfile.ZipFile, tmp_path: Path) -> None:
    bundle = tmp_path / "extension.js"
    bundle.write_bytes(package.read("extension/dist/extension.js"))
    subprocess.run(["node", "--check", str(bundle)], check=True)
    built_in = subprocess.run(
        ["node", "--print", "JSON.stringify(require('module').builtinModules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    required = set(re.findall(r"""\brequire\(["']([^"'.]+)["']\)""", bundle.read_text()))
    assert {name.removeprefix("node:") for name in required} - set(json.loads(built_in.stdout)) == {"vscode"}


def test_the_licenses_of_all_bundled_packages_are_there(package: zipfile.ZipFile) -> None:
    licenses = package.read("extension/dist/LICENSES.txt").decode()
    for name in ("vscode-languageclient", "vscode-jsonrpc", "semver"):
        assert re.search(rf"^{name} [\d.]+ \(\w+\)$", licenses, re.MULTILINE), name


def test_the_default_command_is_one_of_lighter() -> None:
    manifest = json.loads((ROOT / "editors/vscode/package.json").read_text())
    settings = manifest["contributes"]["configuration"]["properties"]
    assert settings["lighter.command"]["default"] == ["lighter", "lsp"]
    restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert "lighter.command" in restricted  # else a stranger's folder could name any program


def test_dependencies_are_pinned_and_name_no_registry() -> None:
    manifest = json.loads((ROOT / "editors/vscode/package.json").read_text())
    lock = json.loads((ROOT / "editors/vscode/package-lock.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest["devDependencies"].values())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert [package for package in packages if "resolved" in package] == []
    assert all("integrity" in package for package in packages)
