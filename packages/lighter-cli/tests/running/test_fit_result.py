"""What a fit returns in Python, and how it shows itself."""

from pathlib import Path

import pytest

from lighter_cli import FitResult, Runner, load_experiment, read_runs

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


def test_fit_returns_its_record_metrics_curve_and_checkpoints(system_config: str) -> None:
    experiment = load_experiment(system_config)
    result = experiment.fit(name="first")
    (run,) = read_runs()
    assert result.run is not None
    assert (result.run.id, result.run.name, result.run.status) == (run.id, "first", "finished")
    assert experiment.last_run is result.run
    assert result.metrics == run.metrics
    assert [row["epoch"] for row in result.history] == [0, 1]
    assert result.history == run.history
    assert result.best_epoch in (0, 1)
    assert result.best_metrics == {
        name: value for name, value in result.history[result.best_epoch].items() if name in result.best_metrics
    }
    assert result.best_checkpoint is not None
    assert result.last_checkpoint is not None
    assert result.best_checkpoint.is_file()
    assert result.last_checkpoint.is_file()
    (metrics,) = experiment.validate(ckpt_path=result.best_checkpoint, verbose=False)
    assert metrics["val/loss/epoch"] == pytest.approx(result.best_metrics["val/loss/epoch"])
    assert experiment.last_run is not None
    assert experiment.last_run.stage == "validate"


def test_result_shows_itself_as_text_and_html(system_config: str) -> None:
    result = load_experiment(system_config).fit()
    assert result.run is not None
    first, *lines = repr(result).splitlines()
    assert first == f"fit {result.run.id}, finished, best in epoch {result.best_epoch}"
    (loss,) = [line for line in lines if line.startswith("val/loss/epoch ")]
    assert f"{result.metrics['val/loss/epoch']:.6g} (" in loss
    assert f"({result.best_metrics['val/loss/epoch']:.6g} at the best checkpoint)" in loss
    html = result._repr_html_()
    assert f"<b>{result.run.id}</b> fit, finished, best in epoch {result.best_epoch}" in html
    assert "<td>val/loss/epoch</td>" in html
    assert html.count("<polyline") >= 2


def test_fast_dev_run_has_no_record_but_metrics(system_config: str) -> None:
    experiment = load_experiment(system_config, "trainer::fast_dev_run=1", "~trainer::callbacks")
    result = experiment.fit()
    assert result.run is experiment.last_run is None
    assert "val/loss/epoch" in result.metrics
    assert (result.history, result.best_metrics, result.best_epoch) == ([], {}, None)
    assert result.best_checkpoint is result.last_checkpoint is None
    assert repr(result).startswith("fit without a record\n")
    assert "<td>val/loss/epoch</td>" in result._repr_html_()


def test_metrics_with_markup_in_their_names_are_escaped() -> None:
    result = FitResult(None, {"<script>": 1.0})
    assert "<script>" not in result._repr_html_()
    assert "<script>" in repr(result)
    assert repr(FitResult(None, {})) == "fit without a record"


def test_record_of_a_failed_fit_is_kept(system_config: str) -> None:
    experiment = load_experiment(system_config, "system::criterion=$lambda pred, target: 1 / 0")
    with pytest.raises(ZeroDivisionError):
        experiment.fit()
    assert experiment.last_run is not None
    assert experiment.last_run.status == "failed"
    with pytest.raises(TypeError, match="weights_onl"):
        experiment.fit(weights_onl=True)
    assert experiment.last_run is None


def test_runner_returns_what_lightning_returns(system_config: str) -> None:
    runner = Runner()
    assert runner.run("fit", system_config) is None
    assert runner.record_folder == Path("lighter_runs").resolve() / read_runs()[0].id
