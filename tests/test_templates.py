"""What ``lighter init`` writes is an experiment without mistakes, which learns at once and whose own tests pass."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lighter_cli import Runner, load_experiment
from lighter_cli.app import app
from lighter_cli.commands.init import TEMPLATES

CODE = {"digits": set(), "module": {"data.py", "models.py"}, "system": {"data.py", "models.py"}}


@pytest.fixture
def experiment(template: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    app(["init", "new", "--template", template], result_action="return_value")
    monkeypatch.chdir("new")
    return Path.cwd()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_has_a_valid_config_a_test_and_a_readme(template: str, experiment: Path) -> None:
    common = {".gitignore", "README.md", "config.yaml", "requirements.txt", "test_experiment.py"}
    assert {entry.name for entry in experiment.iterdir()} == common | CODE[template]
    assert ("scikit-learn" in Path("requirements.txt").read_text().split()) == (template == "digits")
    for stage in ("fit", "validate", "test", "predict"):
        assert load_experiment("config.yaml").check(stage) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_learns_at_once(template: str, experiment: Path) -> None:
    runner = Runner()
    runner.run("fit", ["config.yaml", "trainer::accelerator=cpu"])
    assert runner.experiment is not None
    metrics = runner.experiment.trainer.callback_metrics
    assert next(value for name, value in metrics.items() if name.startswith("val/metrics/")) > 0.9


@pytest.mark.parametrize("template", TEMPLATES)
def test_last_checkpoint_is_of_the_last_epoch(template: str, experiment: Path) -> None:
    """Without learning, the monitored value never rises above that of the first epoch."""
    section = "model" if template == "module" else "system"
    words = ["config.yaml", "trainer::accelerator=cpu", "trainer::max_epochs=3", f"{section}::optimizer::lr=0.0"]
    runner = Runner()
    runner.run("fit", words)
    assert runner.experiment is not None
    best = Path(runner.experiment.trainer.checkpoint_callback.best_model_path)
    assert {file.name for file in best.parent.iterdir()} == {best.name, "last.ckpt"}
    epochs = [torch.load(file, weights_only=True)["epoch"] for file in (best, best.with_name("last.ckpt"))]
    assert epochs == [0, 2]


@pytest.mark.slow
def test_the_templates_pass_their_own_tests() -> None:
    """One process for all, which imports torch once."""
    Path("pytest.ini").write_text("[pytest]\n")  # where there is no pytest.ini, that of a folder above would count
    for template in TEMPLATES:
        app(["init", template, "--template", template], result_action="return_value")
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *TEMPLATES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert "6 passed" in tested.stdout
    assert not list(Path().glob("*/outputs"))
