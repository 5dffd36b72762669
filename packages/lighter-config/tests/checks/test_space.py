"""The checks of a space: each end and each choice through the ordinary checks, and the objectives."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from lighter_config import DEFAULT_CHECKS, Check, CheckContext, Finding, Severity, SignatureReader, load, parse_sources
from lighter_config.checks.space import check_space
from lighter_config.space import Space, SpaceOptions, read_space

BASE = """
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  default_root_dir: "%vars::output"
  callbacks: [{_target_: pytorch_lightning.callbacks.ModelCheckpoint}]
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: "%vars::output"}
vars: {output: out, batch_size: 4}
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 0.1}
  metrics: {train: {Accuracy: {_target_: torchmetrics.MulticlassAccuracy, num_classes: 2}}, val: "%::train"}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2], batch_size: "%vars::batch_size"}
    val: "%::train"
"""
FindingsOf: TypeAlias = Callable[..., list[Finding]]
RANDOM = SpaceOptions(sampler="random", trials=3)


def space_of(*words: Any, options: SpaceOptions = RANDOM) -> Space:
    Path("base.yaml").write_text(BASE)
    return read_space(load(parse_sources(["base.yaml", *words], sweeping=True)), options)


@pytest.fixture
def findings_of(reader: SignatureReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FindingsOf:
    """Return a function that reads the space of the base with some words, and checks it."""
    monkeypatch.chdir(tmp_path)

    def found(*words: Any, options: SpaceOptions = RANDOM, checks: Sequence[Check] = DEFAULT_CHECKS) -> list[Finding]:
        return check_space(space_of(*words, options=options), reader=reader, checks=checks)

    return found


def cases_of(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.message, finding.case) for finding in found]


def test_a_good_space_has_no_findings(findings_of: FindingsOf) -> None:
    choices = {"system::optimizer": [{"lr": "1e-3..1:log"}, {"_target_": "torch.optim.AdamW", "~lr": None}]}
    section = {"over": {**choices, "vars::batch_size": [2, 4]}, "repeat": {"seed": [0, 1]}}
    assert findings_of({"sweep": section}) == []


def test_a_wrong_choice_is_named(findings_of: FindingsOf) -> None:
    assert cases_of(findings_of("vars::batch_size:=2,4x,8")) == [
        (
            "DataLoader does not take '4x' as system::dataloaders::train::batch_size",
            "choice 2 of vars::batch_size: 4x",
        )
    ]


def test_a_finding_of_several_choices_is_said_once(findings_of: FindingsOf) -> None:
    choices = [{"momentun": 0.1}, {"lr": 0.2}, {"momentun": 0.3}, {"momentun": 0.4}]
    ((message, case),) = cases_of(findings_of({"sweep": {"over": {"system::optimizer": choices}}}))
    assert message == "system::optimizer::momentun is not an argument of SGD"
    assert case == "choices 1, 3 and 4 of system::optimizer"


def test_a_finding_of_every_trial_names_no_case(findings_of: FindingsOf) -> None:
    found = findings_of("vars::batch_size:=2,4", "system::optimizer::momentun=0.1")
    assert cases_of(found) == [("system::optimizer::momentun is not an argument of SGD", "")]


def test_a_finding_that_other_choices_mend_names_the_choice_that_the_config_has(findings_of: FindingsOf) -> None:
    targets = "torch.optim.SGD,torch.optim.AdamW"
    ((message, case),) = cases_of(findings_of(f"system::optimizer::_target_:={targets}", "system::optimizer::eps=0.1"))
    assert message.startswith("system::optimizer::eps is not an argument of SGD")
    assert case == "choice 1 of system::optimizer::_target_: torch.optim.SGD"


@pytest.mark.parametrize(
    ("dimension", "case"),
    [
        ("0..9", "the high end of vars::batch_size"),
        ("4..19:5", "the high end of vars::batch_size"),
        ("9..12", ""),
    ],
)
def test_each_end_of_a_range_is_checked(findings_of: FindingsOf, dimension: str, case: str) -> None:
    def no_large_batches(context: CheckContext) -> list[Finding]:
        return [Finding(message="too large")] if context.value(("vars", "batch_size")) in (9, 12, 19) else []

    found = findings_of(f"vars::batch_size:={dimension}", checks=[no_large_batches])
    assert cases_of(found) == [("too large", case)]


def test_the_high_end_inside_a_choice_is_checked(findings_of: FindingsOf) -> None:
    def no_five(context: CheckContext) -> list[Finding]:
        return [Finding(message="five")] if context.value(("system", "optimizer", "momentum")) == 5 else []

    over = {"system::optimizer": [{"_target_": "torch.optim.AdamW", "~lr": None}, {"momentum": "0..5"}]}
    found = findings_of({"sweep": {"over": over}}, checks=[no_five])
    assert cases_of(found) == [("five", "the high end of system::optimizer::momentum in choice 2")]


def test_a_trial_that_where_leaves_out_is_not_checked(findings_of: FindingsOf) -> None:
    assert findings_of("vars::batch_size:=2,4x", {"sweep": {"where": "$@vars::batch_size == 2"}}) == []


def test_a_repeat_is_checked(findings_of: FindingsOf) -> None:
    ((_, case),) = cases_of(findings_of({"sweep": {"repeat": {"vars::batch_size": [2, "x"]}}}))
    assert case == "choice 2 of vars::batch_size: x"


def test_what_is_missing_in_a_choice_is_added_to_the_choice(findings_of: FindingsOf) -> None:
    over = {
        "system::optimizer": [{"lr": 0.1}, {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "patience": 1}]
    }
    fixes = {finding.path: finding.fix for finding in findings_of({"sweep": {"over": over}})}
    assert fixes["system::optimizer::lr"] == "write `~lr: null` in the choice"
    wrong = {"system::optimizer": [{"lr": 0.1}, {"momentun": 0.1}]}
    (found,) = findings_of({"sweep": {"over": wrong}})
    assert found.fix == "rename the key, or remove it from the choice"


@pytest.mark.parametrize(
    ("options", "severity", "message", "fix"),
    [
        (
            {"maximize": ("val/acc",)},
            Severity.ERROR,
            "nothing logs 'val/acc', an objective of the sweep",
            "write val/metrics/Accuracy/epoch",
        ),
        (
            {"maximize": ("val/loss/epoch",)},
            Severity.WARNING,
            "the sweep maximizes val/loss/epoch, but a lower one is better",
            "write --min val/loss/epoch",
        ),
        (
            {"minimize": ("val/metrics/Accuracy/epoch",)},
            Severity.WARNING,
            "the sweep minimizes val/metrics/Accuracy/epoch, but a higher one is better",
            "write --max val/metrics/Accuracy/epoch",
        ),
    ],
)
def test_an_objective_is_logged_and_improves_in_its_direction(
    findings_of: FindingsOf, options: dict[str, Any], severity: Severity, message: str, fix: str
) -> None:
    (found,) = findings_of("vars::batch_size:=2,4", options=SpaceOptions(trials=2, **options))
    assert (found.severity, found.message, found.fix) == (severity, message, fix)
    assert str(found.place) in ("option --max", "option --min")


def test_an_objective_that_some_choices_do_not_log_names_them(findings_of: FindingsOf) -> None:
    over = {"system::metrics::val": ["%::train", {"MSE": {"_target_": "torchmetrics.MeanSquaredError"}}]}
    section = {"over": over, "minimize": "val/metrics/MSE/epoch", "trials": 2}
    (found,) = findings_of({"sweep": section}, options=SpaceOptions())
    assert found.message == "nothing logs 'val/metrics/MSE/epoch', an objective of the sweep"
    assert found.case == "choice 1 of system::metrics::val: '%::train'"


def test_an_objective_of_validation_needs_validation(findings_of: FindingsOf) -> None:
    options = SpaceOptions(maximize=("val/loss/epoch",), trials=2)
    (found,) = findings_of("vars::batch_size:=2,4", "trainer::limit_val_batches=0", options=options)
    assert found.fix == "remove trainer::limit_val_batches: with 0 there is no validation"


def test_a_constraint_on_a_name_that_a_fit_logs_is_checked(findings_of: FindingsOf) -> None:
    section = {"constraints": ["val/acc > 0.5", "test/latency <= 20"]}
    (found,) = findings_of("vars::batch_size:=2,4", {"sweep": section})
    assert found.message == "nothing logs 'val/acc', which a constraint limits"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer::callbacks::0::dirpath=out/ckpt", "every trial would write to out/ckpt"),
        (
            "trainer::callbacks+={_target_: lighter.callbacks.FileWriter, directory: masks}",
            "every trial would write to masks",
        ),
        ("trainer::logger::save_dir=logs", "every trial would write to logs"),
        ("trainer::fast_dev_run=true", "a trial with fast_dev_run leaves no checkpoint and no values of epochs"),
    ],
)
def test_what_trials_would_share_or_lack_is_an_error(findings_of: FindingsOf, word: str, message: str) -> None:
    (found,) = findings_of("vars::batch_size:=2,4", word)
    assert (found.severity, found.message) == (Severity.ERROR, message)


@pytest.mark.parametrize(
    "word",
    [
        "trainer::callbacks::0::dirpath=$@vars::output + '/ckpt'",
        "trainer::callbacks::0::dirpath=$@trainer::default_root_dir + '/ckpt'",
        "trainer::callbacks::0::dirpath=null",
        "trainer::callbacks::0::dirpath=$f'{@vars::output}/ckpt'",
    ],
)
def test_a_folder_below_that_of_the_trial_is_no_mistake(findings_of: FindingsOf, word: str) -> None:
    assert findings_of("vars::batch_size:=2,4", word) == []


def test_the_component_of_a_sampler_is_checked(findings_of: FindingsOf) -> None:
    sampler = {"_target_": "collections.Counter.fromkeys", "itrable": 3}
    found = findings_of("vars::batch_size:=2,4", {"sweep": {"sampler": sampler, "trials": 2}}, options=SpaceOptions())
    assert all(finding.path.startswith("sampler") for finding in found)
