"""Which names a fit logs, and when that is not known for sure."""
# ruff: noqa: E501  # one metric a line

import pytest

from lighter_config.findings import Severity
from lighter_config.stages import Stage

MONITOR = "trainer::callbacks::1::monitor"


def of_monitors(findings):
    return [finding for finding in findings if finding.check == "monitors"]


def test_the_names_that_are_logged_are_listed(checked, system_yaml) -> None:
    (finding,) = of_monitors(checked(f"{MONITOR}=nonsense", exp=system_yaml))
    assert finding.expected == (
        "train/loss/epoch",
        "train/metrics/Accuracy/epoch",
        "val/loss/epoch",
        "val/metrics/Accuracy/epoch",
    )


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        ("{_target_: torchmetrics.Accuracy, task: multiclass}", ["MulticlassAccuracy"]),
        ("{_target_: torchmetrics.MulticlassAccuracy}", ["MulticlassAccuracy"]),
        ("[{_target_: torchmetrics.MeanSquaredError}]", ["MeanSquaredError"]),
        (
            "[{_target_: torchmetrics.MeanSquaredError}, {_target_: torchmetrics.MeanSquaredError}]",
            ["MeanSquaredError", "MeanSquaredError-1"],
        ),
        ("{a: {_target_: torchmetrics.MeanSquaredError}, b: '@other'}", ["a", "b"]),
        (
            "{_target_: torchmetrics.MetricCollection, prefix: p_, metrics: {a: {_target_: torchmetrics.MeanSquaredError}}}",
            ["p_a"],
        ),
        ("{cls: {metric: {_target_: torchmetrics.MeanSquaredError}, pred: logits.cls}}", ["cls"]),
        ("{cls: {metric: [{_target_: torchmetrics.MeanSquaredError}], pred: a}}", ["cls/MeanSquaredError"]),
        ("{cls: {metric: {mse: {_target_: torchmetrics.MeanSquaredError}}, pred: a}}", ["cls/mse"]),
        (
            "{cls: {metric: {_target_: torchmetrics.MetricCollection, metrics: {a: '@other'}, postfix: _p}}}",
            ["cls/a_p"],
        ),
        ("{_target_: torchmetrics.MetricCollection, _args_: [[{_target_: torchmetrics.MeanSquaredError}]]}", ["MeanSquaredError"]),
    ],
)  # fmt: skip
def test_metrics_are_named_as_they_will_be(checked, system_yaml, metric: str, names: list[str]) -> None:
    words = [
        "~trainer::callbacks::0",
        "=other={_target_: torchmetrics.MeanSquaredError}",
        f"=system::metrics::val={metric}",
    ]
    monitor = "trainer::callbacks::0::monitor"
    for name in names:
        assert of_monitors(checked(*words, f"{monitor}=val/metrics/{name}/epoch", exp=system_yaml)) == []
        assert of_monitors(checked(*words, f"{monitor}=val/metrics/{name}/3/epoch", exp=system_yaml)) == []
    (finding,) = of_monitors(checked(*words, f"{monitor}=val/metrics/Nothing/epoch", exp=system_yaml))
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "word",
    [
        "=system::metrics::val=$make_metrics()",
        "=system::metrics::val={_target_: project.nets.Unreadable}",
        "=system::metrics=@made",
        "=system::dataloaders=@made",
        "system::_target_=project.nets.Module",
    ],
)
def test_nothing_is_said_where_the_names_are_not_known(checked, system_yaml, word: str) -> None:
    words = [
        word,
        f"{MONITOR}=val/metrics/Whatever/epoch",
        "=trainer::callbacks::0::monitor=val/metrics/Whatever/epoch",
    ]
    assert of_monitors(checked(*words, "=made=1", exp=system_yaml)) == []


def test_a_callback_that_logs_makes_it_a_warning(checked, system_yaml) -> None:
    loud = "trainer::callbacks+={_target_: project.loud.Loud}"
    (finding,) = of_monitors(checked(loud, f"{MONITOR}=loud", exp=system_yaml))
    assert finding.severity is Severity.WARNING
    assert "unless Loud does" in finding.message


def test_a_model_that_logs_by_itself_may_log_anything(checked, module_yaml) -> None:
    findings = checked("model::_target_=project.loud.Logging", "trainer::callbacks::0::monitor=my_own", exp=module_yaml)
    assert of_monitors(findings) == []


def test_a_criterion_of_ones_own_may_give_terms(checked, system_yaml) -> None:
    term = f"{MONITOR}=train/loss/dice/epoch"
    (finding,) = of_monitors(checked(term, exp=system_yaml))
    assert finding.severity is Severity.ERROR
    assert (
        of_monitors(checked(term, "=system::criterion={_target_: project.nets.Net, width: 1}", exp=system_yaml)) == []
    )


@pytest.mark.parametrize("stage", [Stage.VALIDATE, Stage.TEST, Stage.PREDICT])
def test_monitors_matter_in_fit_alone(checked, system_yaml, stage: Stage) -> None:
    assert checked(f"{MONITOR}=nonsense", exp=system_yaml, stage=stage) == []


def test_a_short_name_finds_what_it_is_short_for(checked, system_yaml) -> None:
    (finding,) = of_monitors(checked(f"{MONITOR}=val_acc", exp=system_yaml))
    assert finding.nearest == ("val/metrics/Accuracy/epoch",)


@pytest.mark.parametrize("wrapper", ["MultitaskWrapper", "ClasswiseWrapper"])
def test_metric_of_several_values_is_never_advised_by_its_own_name(checked, system_yaml, wrapper: str) -> None:
    metric = f"=system::metrics::val={{tasks: {{_target_: torchmetrics.{wrapper}}}}}"
    words = ["~trainer::callbacks::0", metric]
    (finding,) = of_monitors(checked(*words, "trainer::callbacks::0::monitor=val/metrics/tasks/epoch", exp=system_yaml))
    assert "val/metrics/tasks/epoch" not in (*finding.nearest, *finding.expected)
    assert (
        of_monitors(checked(*words, "trainer::callbacks::0::monitor=val/metrics/tasks/a/epoch", exp=system_yaml)) == []
    )


def test_metric_of_several_values_under_a_key_has_its_keys(checked, system_yaml) -> None:
    metric = "{a: {metric: {_target_: torchmetrics.ClasswiseWrapper}, pred: a}, b: {metric: {m: {_target_: torchmetrics.MinMaxMetric}}}}"
    words = ["~trainer::callbacks::0", f"=system::metrics::val={metric}"]
    for name, is_logged in (("a/x", True), ("a", False), ("b/m/min", True), ("b/m", False)):
        monitor = f"trainer::callbacks::0::monitor=val/metrics/{name}/epoch"
        assert (of_monitors(checked(*words, monitor, exp=system_yaml)) == []) == is_logged, name
