"""Test the experiment: its config has no mistakes, two epochs run, and predictions are written."""

from pathlib import Path

import pytest

from lighter_cli import Runner, load_experiment

CONFIG = Path(__file__).with_name("config.yaml")


@pytest.fixture(autouse=True)
def _beside_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIG.parent)


def test_the_config_has_no_mistakes() -> None:
    assert not load_experiment(CONFIG).check()


def test_the_experiment_trains_and_predicts(tmp_path: Path) -> None:
    words = [CONFIG, f"trainer::default_root_dir={tmp_path}", "trainer::accelerator=cpu", "trainer::max_epochs=2"]
    runner = Runner()
    runner.run("fit", words)
    assert runner.experiment is not None
    trainer = runner.experiment.trainer
    assert 0.2 < trainer.callback_metrics["val/metrics/BinaryAccuracy/epoch"] <= 1
    runner.run("predict", words, ckpt_path=trainer.checkpoint_callback.best_model_path)
    assert (tmp_path / "predictions.csv").exists()
