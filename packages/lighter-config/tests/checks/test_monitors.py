"""Which names a fit logs, and when that is not known for sure."""
# ruff: noqa: E501  # one case a line

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
    mode = "trainer::callbacks::0::mode=@other"  # not known
    for name in names:
        assert of_monitors(checked(*words, mode, f"{monitor}=val/metrics/{name}/epoch", exp=system_yaml)) == []
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


@pytest.mark.parametrize("name", ["", "/dataloader_idx_0", "/dataloader_idx_7"])
def test_model_with_unknown_loaders_may_have_several(checked, module_yaml, name: str) -> None:
    words = ["=data={_target_: project.loud.Data}", f"trainer::callbacks::0::monitor=val/loss/epoch{name}"]
    assert of_monitors(checked(*words, exp=module_yaml)) == []


def test_numbers_of_loaders_are_listed_where_there_are_several(checked, module_yaml) -> None:
    wrong = "trainer::callbacks::0::monitor=nonsense"
    (finding,) = of_monitors(checked(wrong, exp=module_yaml))
    assert not [name for name in finding.expected if "dataloader_idx" in name]
    several = "=data::val_dataloader=['%data::train_dataloader', '%data::train_dataloader']"
    (finding,) = of_monitors(checked(wrong, several, exp=module_yaml))
    names = [name for name in finding.expected if name.startswith("val/loss")]
    assert names == ["val/loss/epoch/dataloader_idx_0", "val/loss/epoch/dataloader_idx_1"]


def test_loaders_that_an_expression_makes_may_be_several(checked, system_yaml) -> None:
    loaders = "=system::dataloaders::val=$[@system::dataloaders::train] * 2"
    words = ["~trainer::callbacks::0", loaders, "trainer::callbacks::0::monitor=val/loss/epoch/dataloader_idx_1"]
    assert of_monitors(checked(*words, exp=system_yaml)) == []


PLATEAU = '_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, optimizer: "@system::optimizer"'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer::callbacks::1::mode=max"], "trainer::callbacks::1 has mode 'max', but a lower val/loss/epoch is better"),
        (["trainer::callbacks::0::mode=min"], "trainer::callbacks::0 has mode 'min', but a higher val/metrics/Accuracy/epoch is better"),
        (["~trainer::callbacks::0::mode"], "trainer::callbacks::0 has mode 'min', but a higher val/metrics/Accuracy/epoch is better"),
        ([f"=system::scheduler={{scheduler: {{{PLATEAU}, mode: max}}, monitor: train/loss/epoch}}"], "system::scheduler::scheduler has mode 'max', but a lower train/loss/epoch is better"),
        ([f"=system::scheduler={{scheduler: {{{PLATEAU}, mode: max}}}}"], "system::scheduler::scheduler has mode 'max', but without a monitor it follows a loss"),
        ([f"=system::scheduler={{{PLATEAU}, mode: max}}"], "system::scheduler has mode 'max', but without a monitor it follows a loss"),
        (["trainer::limit_val_batches=0", "~trainer::callbacks::0"], "trainer::callbacks::0::monitor is 'val/loss/epoch', but nothing logs that name"),
        (["trainer::check_val_every_n_epoch=11", "~trainer::callbacks::0"], "trainer::callbacks::0::monitor is 'val/loss/epoch', but training ends before the first validation"),
        (["trainer::callbacks::0::every_n_train_steps=3"], "trainer::callbacks::0 saves before there is a new 'val/metrics/Accuracy/epoch'"),
        (["trainer::callbacks::1::monitor=train/loss/epoch", "trainer::check_val_every_n_epoch=2"], "trainer::callbacks::1 looks for 'train/loss/epoch' after validation, when it is that of the epoch before"),
        (["trainer::callbacks::1::monitor=train/loss/epoch", "trainer::val_check_interval=0.25"], "trainer::callbacks::1 looks for 'train/loss/epoch' after validation, before the first epoch has one"),
    ],
)  # fmt: skip
def test_a_monitor_has_a_direction_and_a_time(checked, system_yaml, words: list[str], message: str) -> None:
    assert [finding.message for finding in of_monitors(checked(*words, exp=system_yaml))] == [message]


@pytest.mark.parametrize(
    ("metrics", "name", "mode"),
    [
        ("{a: {_target_: torchmetrics.MeanSquaredError}}", "a", "min"),
        ("[{_target_: torchmetrics.MeanSquaredError}, {_target_: torchmetrics.MulticlassAccuracy}]", "MulticlassAccuracy", "max"),
        ("{_target_: torchmetrics.Accuracy, task: multiclass}", "MulticlassAccuracy", "max"),
        ("{_target_: torchmetrics.MetricCollection, prefix: p_, metrics: {a: {_target_: torchmetrics.MeanSquaredError}}}", "p_a", "min"),
        ("{_target_: torchmetrics.MetricCollection, _args_: [[{_target_: torchmetrics.MulticlassAccuracy}]]}", "MulticlassAccuracy", "max"),
    ],
)  # fmt: skip
def test_the_class_of_a_metric_says_its_direction(checked, system_yaml, metrics: str, name: str, mode: str) -> None:
    words = ["~trainer::callbacks::1", f"=system::metrics::val={metrics}"]
    words.append(f"trainer::callbacks::0::monitor=val/metrics/{name}/epoch")
    assert of_monitors(checked(*words, f"trainer::callbacks::0::mode={mode}", exp=system_yaml)) == []
    other = {"min": "max", "max": "min"}[mode]
    (finding,) = of_monitors(checked(*words, f"trainer::callbacks::0::mode={other}", exp=system_yaml))
    assert finding.expected == (mode,)


@pytest.mark.parametrize(
    "words",
    [
        ["trainer::callbacks::1::mode=@other"],
        ["trainer::callbacks::1::monitor=train/optimizer/AdamW/lr", "trainer::callbacks::1::mode=max"],
        ["trainer::callbacks::1::monitor=val/metrics/Accuracy/0/epoch"],
        ["trainer::callbacks::1::_target_=my_project.callbacks.MyCustomCallback", "trainer::callbacks::1::mode=max"],
        ["trainer::check_val_every_n_epoch=@other", "trainer::callbacks::1::monitor=train/loss/epoch"],
        ["trainer::val_check_interval=@other", "trainer::callbacks::1::monitor=train/loss/epoch"],
        ["trainer::limit_val_batches=@other"],
        ["system::metrics::val::Accuracy::_target_=project.nets.Net"],
    ],
)
def test_nothing_is_said_where_direction_or_time_is_not_known(checked, system_yaml, words: list[str]) -> None:
    assert of_monitors(checked(*words, "=other=1", exp=system_yaml)) == []


def test_a_checkpoint_name_with_values(checked, system_yaml) -> None:
    def said(name: str, *words: str) -> list[str]:
        findings = checked(f"trainer::callbacks::0::filename=\"'{name}'\"", *words, exp=system_yaml)
        return [finding.message for finding in findings if finding.check == "checkpoint_names"]

    assert said("{epoch:02d}-{step}") == []
    folders = "trainer::callbacks::0::filename makes folders: it inserts the name 'val/loss/epoch'"
    assert said("{epoch}-{val/loss/epoch:.2f}") == [folders]
    assert said("{epoch}-{val/loss/epoch:.2f}", "trainer::callbacks::0::auto_insert_metric_name=false") == []
    assert said("{val_loss:.2f}") == [
        "trainer::callbacks::0::filename has the value 'val_loss', but nothing logs it: it is always 0"
    ]


def test_metric_of_several_values_under_a_key_has_its_keys(checked, system_yaml) -> None:
    metric = "{a: {metric: {_target_: torchmetrics.ClasswiseWrapper}, pred: a}, b: {metric: {m: {_target_: torchmetrics.MinMaxMetric}}}}"
    words = ["~trainer::callbacks::0", f"=system::metrics::val={metric}"]
    for name, is_logged in (("a/x", True), ("a", False), ("b/m/min", True), ("b/m", False)):
        monitor = f"trainer::callbacks::0::monitor=val/metrics/{name}/epoch"
        assert (of_monitors(checked(*words, monitor, exp=system_yaml)) == []) == is_logged, name


CHECKPOINT = "_target_: pytorch_lightning.callbacks.ModelCheckpoint"


def test_last_checkpoint_of_a_monitor_is_not_of_the_last_epoch(checked, system_yaml) -> None:
    for words in (["true"], ["link"], ["true", "trainer::callbacks::0::save_top_k=3"]):
        save_last, *others = words
        (finding,) = of_monitors(checked(f"trainer::callbacks::0::save_last={save_last}", *others, exp=system_yaml))
        assert finding.severity is Severity.WARNING
        assert finding.message == "`last.ckpt` is written only in epochs whose `monitor` value is among the best"
        assert finding.path == "trainer::callbacks::0::save_last"
        assert finding.fix == f"remove save_last, and append {{{CHECKPOINT}, filename: last}} to trainer::callbacks"
        assert finding.place is not None
        assert (finding.place.word, finding.excerpt) == (2, f"trainer::callbacks::0::save_last={save_last}")


def test_last_checkpoint_of_either_package_of_lightning_is_judged(checked) -> None:
    package = "lightning.pytorch.callbacks"
    monitored = f"{{_target_: {package}.ModelCheckpoint, monitor: loss, save_last: true, dirpath: saved}}"
    (finding,) = of_monitors(checked(exp=f"trainer: {{callbacks: [{monitored}]}}\n"))
    assert (finding.place.line, finding.place.column) == (
        1,
        1 + f"trainer: {{callbacks: [{monitored}".index("true"),
    )
    assert "filename: last} with the same dirpath to" in finding.fix
    second = f"{{_target_: {package}.ModelCheckpoint, dirpath: saved, filename: last}}"
    assert of_monitors(checked(exp=f"trainer: {{callbacks: [{monitored}, {second}]}}\n")) == []


@pytest.mark.parametrize(
    "words",
    [
        ["trainer::callbacks::0::save_top_k=-1"],
        ["trainer::callbacks::0::save_top_k=0"],
        ["trainer::callbacks::0::save_top_k=@other"],
        ["~trainer::callbacks::0::monitor"],
        ["trainer::callbacks::0::save_last=@other"],
        [f"trainer::callbacks+={{{CHECKPOINT}}}"],
        [f"trainer::callbacks+={{{CHECKPOINT}, filename: last}}"],
        ["trainer::callbacks+={_target_: pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint}"],
        [f"trainer::callbacks+={{{CHECKPOINT}, monitor: val/loss/epoch, save_top_k: -1}}"],
        [f"trainer::callbacks+={{{CHECKPOINT}, _args_: '@other'}}"],
        [f"trainer::callbacks+={{{CHECKPOINT}, _disabled_: '@other'}}"],
        ["trainer::callbacks+='@other'"],
        ["trainer::callbacks+={_target_: '@other'}"],
        ["trainer::callbacks+={_target_: my_project.callbacks.EveryEpoch}"],
    ],
)
def test_nothing_is_said_where_the_last_checkpoint_may_be_newer(checked, system_yaml, words: list[str]) -> None:
    found = checked("trainer::callbacks::0::save_last=true", *words, "=other=1", exp=system_yaml)
    assert [finding for finding in found if "last.ckpt" in finding.message] == []


@pytest.mark.parametrize(
    "word",
    [
        f"trainer::callbacks+={{{CHECKPOINT}, monitor: val/loss/epoch}}",
        f"trainer::callbacks+={{{CHECKPOINT}, save_top_k: 0}}",
        f"trainer::callbacks+={{{CHECKPOINT}, _disabled_: true}}",
        "trainer::callbacks+={_target_: my_project.callbacks.MyCustomCallback, arg: 1}",
    ],
)
def test_another_callback_need_not_save_every_epoch(checked, system_yaml, word: str) -> None:
    found = checked("trainer::callbacks::0::save_last=true", word, exp=system_yaml)
    assert [finding.check for finding in found if "last.ckpt" in finding.message] == ["monitors"]
