"""A rehearsal raises no alarm about an example, and leaves nothing."""

import os
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_cli.preflight.rehearsal import Options, rehearse
from lighter_config import Severity, load

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = {
    "digits/config.yaml": ("sklearn", "tensorboard"),
    "digits_module/config.yaml": ("sklearn",),
    "diabetes/config.yaml": ("sklearn",),
    "from_lightning/config.yaml": ("sklearn",),
    "gan/config.yaml": ("sklearn",),
    "plain_lightning/config.yaml": ("sklearn",),
    "text/config.yaml": ("sklearn",),
    "cross_validation/config.yaml": ("sklearn",),
    "recipe/pretrain.yaml": ("sklearn",),
    "transfer/pretrain.yaml": ("sklearn",),
    "tracking/config.yaml": ("sklearn", "tensorboard"),
    "segmentation/config.yaml": ("monai", "tifffile"),
}


WARNS = pytest.mark.filterwarnings("default")  # MONAI does, about newer versions of torch and numpy


@pytest.mark.parametrize("example", [pytest.param(one, marks=WARNS if "monai" in NEEDS[one] else ()) for one in NEEDS])
def test_an_example_raises_no_alarm(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := [name for name in NEEDS[example] if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if "monai" in NEEDS[example]:
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets both when it is imported
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = _names(tmp_path)
    result = rehearse(load([f"examples/{example}"]), Options())
    found = [one for one in result.findings if one.severity is not Severity.NOTE]
    assert [str(one) for one in found if one.check in ("preflight", "batch", "metrics", "outputs", "space")] == []
    assert [run.error for run in result.runs] == [None] * len(result.runs)
    assert _names(tmp_path) == before


def _names(folder: Path) -> list[str]:
    skipped = ("cache", "__pycache__")
    names = (os.path.relpath(file, folder) for file in sorted(folder.rglob("*")))
    return [name for name in names if not any(part in skipped for part in Path(name).parts)]
