"""The script that `lighter eject` writes gives the numbers of `lighter fit`, for every example and template."""

import contextlib
import io
import runpy
import shutil
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.terminal.process import reporting_errors

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"
QUIET = [
    "trainer::enable_progress_bar=false",
    "trainer::enable_model_summary=false",
    "trainer::max_epochs=2",
    "trainer::check_val_every_n_epoch=1",
    "trainer::log_every_n_steps=1",
    "trainer::accelerator=cpu",
]
EXPERIMENTS = {
    "cross_validation": ["cross_validation/config.yaml", "vars::fold=2"],
    "diabetes": ["diabetes/config.yaml"],
    "digits": ["digits/config.yaml"],
    "digits_module": ["digits_module/config.yaml"],
    "from_lightning": ["from_lightning/config.yaml"],
    "gan": ["gan/config.yaml"],
    "plain_lightning": ["plain_lightning/config.yaml"],
    "segmentation": ["segmentation/config.yaml"],
    "sweep": ["sweep/config.yaml"],
    "text": ["text/config.yaml"],
    "tracking": ["tracking/config.yaml"],
    "recipe": ["recipe/pretrain.yaml"],
    "pretrain": ["transfer/pretrain.yaml"],
    "finetune": ["transfer/pretrain.yaml", "transfer/finetune.yaml"],
}


@pytest.fixture(autouse=True)
def _copied_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):  # the script sets them
        monkeypatch.setenv(name, "0")
        monkeypatch.delenv(name)


def logged_by(name: str) -> str:
    return f"=trainer::logger={{_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs, name: {name}}}"


def eject(*words: str) -> str:
    """Write the script of an experiment, and return its text."""
    with reporting_errors(), contextlib.redirect_stdout(io.StringIO()):
        app(["eject", *words, "-o", "script.py"], result_action="return_value")
    return Path("script.py").read_text(encoding="utf-8")


def run_script(stage: str = "fit") -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return runpy.run_path("script.py")[stage]()


def logged(name: str) -> str:
    return Path("logs", name, "version_0", "metrics.csv").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "segmentation"])
def test_the_script_of_an_example_logs_the_same_numbers(name: str) -> None:
    compare(name)


@pytest.mark.skipif(find_spec("monai") is None, reason="needs MONAI; nox's session `medical` has it")
@pytest.mark.filterwarnings("default")  # of MONAI, about newer versions of torch and numpy
def test_the_script_of_the_segmentation_logs_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets both when it is imported
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import numpy as np
    from monai.transforms import Randomizable

    def reseed() -> None:  # MONAI's transforms draw from a generator that no seed of Lightning reaches
        monkeypatch.setattr(Randomizable, "R", np.random.RandomState(0))

    compare("segmentation", reseed)


def compare(name: str, before_each: Callable[[], None] = lambda: None) -> None:
    words = [f"examples/{word}" if word.endswith(".yaml") else word for word in EXPERIMENTS[name]]
    if name == "finetune":
        with contextlib.redirect_stdout(io.StringIO()):
            Runner().run("fit", ["examples/transfer/pretrain.yaml", *QUIET])
    script = eject(*words, *QUIET, logged_by("script"))
    assert "lighter_cli" not in script
    assert "lighter_config" not in script
    before_each()
    with contextlib.redirect_stdout(io.StringIO()):
        Runner().run("fit", [*words, *QUIET, logged_by("lighter")])
    if name != "finetune":
        shutil.rmtree("outputs", ignore_errors=True)
    before_each()
    run_script()
    assert logged("script") == logged("lighter")
    assert "loss" in logged("script").splitlines()[0]


@pytest.mark.parametrize("template", ["digits", "module", "system"])
def test_the_script_of_a_template_logs_the_same_numbers(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        app(["init", "new", "--template", template], result_action="return_value")
    monkeypatch.chdir("new")
    eject("config.yaml", *QUIET, logged_by("script"))
    with contextlib.redirect_stdout(io.StringIO()):
        Runner().run("fit", ["config.yaml", *QUIET, logged_by("lighter")])
    shutil.rmtree("outputs", ignore_errors=True)
    run_script()
    assert logged("script") == logged("lighter")


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_the_other_stages_of_a_script_give_the_same_numbers(stage: str) -> None:
    words = ["examples/digits/config.yaml", *QUIET, "trainer::logger=false"]
    eject(*words)
    runner = Runner()
    with contextlib.redirect_stdout(io.StringIO()):
        runner.run(stage, words)
    assert runner.experiment is not None
    expected = {name: float(value) for name, value in runner.experiment.trainer.callback_metrics.items()}
    assert {name: float(value) for name, value in run_script(stage).callback_metrics.items()} == expected
    assert expected
