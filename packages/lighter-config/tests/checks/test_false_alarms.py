"""What is right gives no error: whole experiments in every stage, and changes that keep them right."""

import pytest

from lighter_config.findings import Severity
from lighter_config.stages import Stage

STAGES = [None, *Stage]
STAGES_OF_MODULE = [None, Stage.FIT, Stage.VALIDATE, Stage.TEST]


@pytest.mark.parametrize("stage", STAGES)
def test_an_experiment_without_mistakes_has_no_findings(checked, system_yaml, stage) -> None:
    assert checked(exp=system_yaml, stage=stage) == []


@pytest.mark.parametrize("stage", STAGES_OF_MODULE)
def test_an_experiment_of_modules_without_mistakes_has_no_findings(checked, module_yaml, stage) -> None:
    assert checked(exp=module_yaml, stage=stage) == []


VALID_CHANGES = [
    "trainer::max_epochs=3",
    "trainer::devices=[0,1]",
    "trainer::devices=-1",
    "trainer::devices=auto",
    "trainer::precision=16-mixed",
    "trainer::precision=16",
    "trainer::limit_val_batches=0.25",
    "trainer::limit_val_batches=2",
    "trainer::fast_dev_run=true",
    "trainer::fast_dev_run=2",
    "trainer::logger=false",
    "trainer::logger::name=other",
    "trainer::callbacks::0::save_top_k=2",
    "~trainer::callbacks::1",
    "~trainer::callbacks",
    "~system::scheduler",
    "trainer::callbacks+={_target_: lighter.callbacks.Freezer, modules: [a]}",
    "trainer::callbacks+={_target_: pytorch_lightning.callbacks.LearningRateMonitor}",
    "trainer::callbacks::0::monitor=train/loss/epoch",
    "trainer::callbacks::0::monitor=train/metrics/Accuracy/epoch",
    "trainer::callbacks::0::monitor=train/optimizer/AdamW/lr",
    "trainer::callbacks::0::monitor=epoch",
    "trainer::callbacks::1::_disabled_=true",
    "trainer::callbacks::1={_target_: nowhere.Missing, _disabled_: true}",
    "=system::optimizer={_target_: torch.optim.SGD, params: '$@system::model.parameters()'}",
    "=system::optimizer={_target_: torch.optim.SGD, params: '$@system::model.parameters()', momentum: 0.9}",
    "system::optimizer::lr=1",
    "system::optimizer::lr=$0.1 * 2",
    "system::optimizer::lr=@vars::batch_size",
    "system::optimizer::betas=$(0.9, 0.99)",
    "system::criterion=$torch.nn.CrossEntropyLoss()",
    "system::criterion={_target_: torch.nn.CrossEntropyLoss, weight: null}",
    "system::criterion={_target_: torch.nn.functional.relu, _mode_: callable}",
    "system::criterion={_target_: torch.nn.functional.relu, inplace: true, _mode_: partial}",
    "=system::model={_target_: torch.nn.Sequential, _args_: ['@layer']}",
    "system::model::compile=true",
    "system::model::compile={mode: default}",
    "=system::model={_target_: project.nets.Net, _args_: [64, 3]}",
    "=system::model={_target_: torch.nn.Linear, _args_: '$[4, 2]'}",
    "system::dataloaders::train::batch_size=null",
    "system::dataloaders::val=[\"%system::dataloaders::train\", \"%system::dataloaders::train\"]",
    "system::adapters={train: {batch: {_target_: lighter.adapters.BatchAdapter, input_accessor: 0}}}",
    "system::metrics::val={Other: {_target_: torchmetrics.MeanSquaredError, sync_on_compute: false}}",
    "args={fit: {ckpt_path: last}, test: {ckpt_path: best, verbose: false}}",
    "args={fit: {ckpt_path: null}}",
    "seed=3",
    "_imports_={sys: sys}",
    "vars::batch_size=64",
]  # fmt: skip

CHANGES_THAT_MOVE_THE_MONITOR = ("system::metrics::val", "system::dataloaders::val=")


@pytest.mark.parametrize("word", VALID_CHANGES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_valid_change_gives_no_error(checked, system_yaml, word: str, stage) -> None:
    more = ["layer={_target_: torch.nn.Linear, in_features: 1, out_features: 1}"] if "@layer" in word else []
    if word.startswith(CHANGES_THAT_MOVE_THE_MONITOR):
        more.append("~trainer::callbacks")
    findings = checked(word, *more, exp=system_yaml, stage=stage)
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


def test_keys_that_something_refers_to_are_no_mistake(checked, system_yaml) -> None:
    more = """
        by_alias: &anchor {lr: 0.1}
        by_merge: &merged {momentum: 0.1}
        by_copy: {a: 1}
        by_expression: 3
        vars:
          held: {inner: 1}
        system:
          optimizer: *anchor
          scheduler:
            eta_min: "$@by_expression + @vars::held::inner"
            last_epoch: "%by_copy::a"
    """
    findings = checked(exp=system_yaml, more=more.replace("\n        ", "\n"))
    assert [finding.path for finding in findings] == ["by_merge"]


def test_mistake_in_part_that_stage_does_not_use_does_not_stop_it(checked, system_yaml) -> None:
    """A broken train path must not make `lighter test` fail."""
    broken = system_yaml.replace("torch.optim.AdamW", "torch.optim.Missing")
    assert any(finding.severity is Severity.ERROR for finding in checked(exp=broken, stage=Stage.FIT))
    assert checked(exp=broken, stage=Stage.TEST) == []


def test_a_mistake_in_what_nothing_builds_is_a_warning(checked, system_yaml) -> None:
    findings = checked("=spare={_target_: torch.optim.Missing}", exp=system_yaml)
    assert {(finding.check, finding.severity) for finding in findings} == {
        ("keys", Severity.WARNING),
        ("targets", Severity.WARNING),
    }


def test_changes_of_a_copy_at_the_root_are_no_sections(checked, system_yaml) -> None:
    more = "shared: {x: 1}\nother: '%shared'\nother::x: 5\nuse: {y: '@other', z: '@use2'}\nuse2: '@use::y'\n"
    findings = checked(exp=system_yaml + more)
    assert [finding for finding in findings if "is not a section" in finding.message and "::" in finding.path] == []


def test_changed_copy_of_a_section_of_another_file_is_no_finding(checked, tmp_path, system_yaml) -> None:
    (tmp_path / "base.yaml").write_text(system_yaml)
    changed = "trainer: '%base.yaml::trainer'\ntrainer::max_epochs: 2\n"
    findings = checked(exp=changed)
    assert [finding for finding in findings if finding.check == "keys" and "trainer" in finding.path] == []


def test_copy_that_cannot_be_made_is_the_one_finding(checked, system_yaml) -> None:
    text = system_yaml.replace("      shuffle: true\n    val:", "      shuffle: true\n      num_workers: 2\n    val:")
    text = text.replace(
        '    test: "%::val"\n', '    test: "%::train"\n    test::shuffle: false\n    ~test::num_workers: null\n'
    )
    assert checked(exp=text) == []
    (finding,) = checked("~system::dataloaders::train::num_workers", exp=text)
    assert "cannot be deleted" in finding.message
    assert finding.path == "system::dataloaders::test::num_workers"


def test_variable_whose_last_reader_argument_replaced_is_no_warning(checked, system_yaml) -> None:
    for word in (
        "=system::dataloaders::train::batch_size=4",
        "~system::dataloaders::train::batch_size",
        "=system::dataloaders={train: {_target_: torch.utils.data.DataLoader, dataset: '@numbers'}}",
    ):
        words = ["~trainer::callbacks::0", "~trainer::callbacks::0", word]
        assert [finding for finding in checked(*words, exp=system_yaml) if "vars::batch_size" in finding.path] == []
