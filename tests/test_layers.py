"""The contracts on layers in pyproject.toml fail on an import that points up."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = [
    contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    if contract["type"] == "layers"
]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def _file_of(sources: Path, module: str) -> Path:
    path = sources.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_reported(importer: str, imported: str, report: str) -> bool:
    """Return whether a report names the import; grimp merges several of one module into one line."""
    return re.search(rf"^- {re.escape(importer)} -> {re.escape(imported)} ", report, re.MULTILINE) is not None


@pytest.mark.parametrize("contract", CONTRACTS, ids=[contract["name"] for contract in CONTRACTS])
def test_an_import_across_each_boundary_is_reported(contract: dict[str, list[str]], tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    for package in (ROOT / "packages").iterdir():
        shutil.copytree(package / "src", sources, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (container,) = contract["containers"]
    layers = [
        [f"{container}.{name.strip('() ')}" for name in layer.split("|")]
        for layer in contract["layers"]
        if not layer.startswith("(")  # a room that may be missing
    ]
    upward = [(lower[0], upper[0]) for upper, lower in pairwise(layers)]
    sideways = [(layer[0], layer[1]) for layer in layers if len(layer) > 1]
    for importer, imported in (*upward, *sideways):
        with _file_of(sources, importer).open("a") as file:
            file.write(f"\nimport {imported}\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(sources), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    missed = [pair for pair in (*upward, *sideways) if not _is_reported(*pair, done.stdout)]
    assert done.returncode == 1
    assert missed == [], done.stdout + done.stderr
