"""The function that runs the checks."""
# ruff: noqa: E501  # one shape after the other

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lighter_config.checks import DEFAULT_CHECKS, CheckContext, check
from lighter_config.checks.arguments import check_arguments
from lighter_config.checks.keys import check_sections
from lighter_config.errors import MergeError
from lighter_config.findings import Finding, Severity
from lighter_config.loading import load
from lighter_config.pruning import prune
from lighter_config.signatures import SignatureReader
from lighter_config.stages import Stage


def no_seed(context: CheckContext) -> Iterator[Finding]:
    if not context.config.has("seed"):
        yield Finding(message="no seed", severity=Severity.NOTE)


def test_a_check_of_ones_own_runs_with_the_others_and_is_named(reader: SignatureReader) -> None:
    findings = check(load({"trainer": 1}), reader=reader, checks=[*DEFAULT_CHECKS, no_seed])
    assert "no_seed" in [finding.check for finding in findings]
    assert len(findings) > 1


def test_a_fragment_is_checked_without_the_sections(checked, reader: SignatureReader, tmp_path: Path) -> None:
    Path("part.yaml").write_text("system:\n  optimizer: {_target_: torch.optim.AdmW}\n")
    checks = [one for one in DEFAULT_CHECKS if one is not check_sections]
    (finding,) = check(load("part.yaml"), reader=reader, checks=checks)
    assert finding.path == "system::optimizer::_target_"


def test_findings_are_in_the_order_of_their_places(checked, system_yaml) -> None:
    text = (
        system_yaml.replace("patience: 5", "patiance: 5")
        .replace("T_max: 10", "T_mx: 10")
        .replace("devices:", "devces:")
    )
    findings = checked("trainer::max_epoch=3", "trainer::min_epoch=3", exp=text)
    assert [finding.place.line or finding.place.word for finding in findings if finding.check == "arguments"] == [
        *sorted(finding.place.line for finding in findings if finding.place.line and finding.check == "arguments"),
        2,
        3,
    ]


def test_a_mistake_in_what_several_parts_copy_is_reported_once(checked, system_yaml) -> None:
    text = system_yaml.replace(
        '      dataset: "@numbers"\n    test', '      dataset: "@numbers"\n      shufle: true\n    test'
    )
    findings = [finding for finding in checked(exp=text) if finding.severity is Severity.ERROR]
    assert [(finding.path, finding.place.via) for finding in findings] == [("system::dataloaders::val::shufle", "")]


def test_a_reference_to_a_mistyped_argument_leads_to_that_argument(checked, system_yaml) -> None:
    text = system_yaml.replace("max_epochs: 10", "max_epoch: 10").replace("T_max: 10", 'T_max: "%trainer::max_epochs"')
    key, reference = (one for one in checked(exp=text) if one.severity is Severity.ERROR)
    assert (key.path, key.nearest[0]) == ("trainer::max_epoch", "max_epochs")
    assert (reference.path, reference.fix) == ("system::scheduler::T_max", f"correct trainer::max_epoch at {key.place}")


def test_mistake_copied_with_a_reference_is_reported_once(checked, system_yaml) -> None:
    text = system_yaml.replace("num_classes:", "num_clases:").replace("%vars::num_classes", "%shared::n")
    (finding,) = (one for one in checked(exp=text, other="shared: {n: 3}\n") if one.check == "arguments")
    assert (finding.path, str(finding.place)[:9]) == ("system::metrics::train::Accuracy::num_clases", "exp.yaml:")
    assert 'num_clases: "%shared' in finding.excerpt


def test_needs_of_fit_are_not_missed_without_training_data(checked, system_yaml, module_yaml) -> None:
    words = ("~system::optimizer", "~system::scheduler", "~system::dataloaders::train")
    assert "stage_needs" not in {one.check for one in checked(*words, exp=system_yaml)}
    words = ("~model::optimizer", "~data::train_dataloader")
    assert "stage_needs" not in {one.check for one in checked(*words, exp=module_yaml)}


def test_a_pruned_config_is_checked_as_the_whole_it_came_from(reader: SignatureReader, system_yaml, checked) -> None:
    Path("exp.yaml").write_text(system_yaml)
    pruned = prune(load("exp.yaml"), Stage.TEST, reader)
    assert check(pruned, Stage.TEST, reader=reader) == []


def test_every_finding_has_a_place_a_path_and_fits_in_fifteen_lines(checked, system_yaml) -> None:
    words = [f"trainer::wrong_{number}=1" for number in range(30)]
    findings = checked(*words, exp=system_yaml)
    assert len(findings) == 30
    assert all(finding.place and finding.path and finding.check for finding in findings)
    assert all(len(str(finding).splitlines()) <= 15 for finding in findings)


def test_bad_shapes_of_every_section_are_findings_and_no_crash(checked) -> None:
    shapes = ["1", "text", "[]", "{}", "[1, {a: 2}]", "{_target_: 3}", "{_target_: null}", "{_target_: [a]}", "null",
              "{_target_: torch.nn.Linear, _args_: 3}", "{_target_: torch.nn.Linear, _args_: '@nowhere'}", "'@trainer'", "'%system'",
              "'$1 +'", "'@'", "'%'", "{_disabled_: maybe}", "{5: 2, null: 3, true: 4}", "{fit: 3}", "{train: {batch: 3}}"]  # fmt: skip
    for section in (
        "trainer",
        "system",
        "model",
        "data",
        "args",
        "vars",
        "project",
        "seed",
        "_imports_",
        "_requires_",
        "free",
    ):
        for shape in shapes:
            for stage in (None, Stage.FIT, Stage.PREDICT):
                findings = checked(exp=f"{section}: {shape}\n", stage=stage)
                assert all(str(finding) for finding in findings)


def test_checking_imports_nothing_of_what_it_checks(libraries: Path, system_yaml: str, tmp_path: Path) -> None:
    (tmp_path / "exp.yaml").write_text(system_yaml)
    code = (
        "import sys\nfrom lighter_config import check, load, SignatureReader, Stage\n"
        "reader = SignatureReader(search_path=[sys.argv[1]], cache_folder=None)\n"
        "check(load(sys.argv[2]), Stage.FIT, reader=reader)\n"
        "assert not {'torch', 'pytorch_lightning', 'lighter', 'sparkwheel'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(libraries), str(tmp_path / "exp.yaml")], check=True)


def test_word_with_dots_for_path_is_error_that_writes_path() -> None:
    with pytest.raises(MergeError) as caught:
        load([{"trainer": {"_target_": "pytorch_lightning.Trainer"}}, "trainer.max_epochs=4"])
    (finding,) = caught.value.findings
    assert (finding.severity, finding.nearest) == (Severity.ERROR, ("trainer::max_epochs",))
    assert "trainer::max_epochs" in finding.fix


def test_statements_that_requires_imports_are_no_findings(checked, system_yaml: str) -> None:
    for requires in ('"$import os"', '["$import os", "from math import pi"]'):
        assert checked(exp=f"{system_yaml}\n_requires_: {requires}\n") == []


def test_unknown_argument_beside_all_others_hears_no_more_exist() -> None:
    Path("project").mkdir()
    Path("project/__init__.py").touch()
    Path("project/nets.py").write_text("def net(width):\n    pass\n\ndef nothing():\n    pass\n")
    config = {"model": {"_target_": "project.nets.net", "width": 3, "depth": 4}}
    checks = [one for one in DEFAULT_CHECKS if one is not check_sections]
    reader = SignatureReader(project=Path("project"))
    (finding,) = [one for one in check(load(config), reader=reader, checks=checks) if one.severity is Severity.ERROR]
    assert finding.expected == ("net takes no further argument",)
    config["model"] = {"_target_": "project.nets.nothing", "depth": 4}
    (finding,) = [one for one in check(load(config), reader=reader, checks=checks) if one.severity is Severity.ERROR]
    assert finding.expected == ("nothing takes no arguments by name",)


@pytest.mark.parametrize("is_left_over", [True, False])
def test_argument_is_left_over_only_after_a_change_of_target(reader, is_left_over: bool) -> None:
    target, argument = "o::_target_=torch.optim.SGD", "o::amsgrad=true"
    words = [argument, target] if is_left_over else [target, argument]
    config = load([{"o": {"_target_": "torch.optim.AdamW", "params": []}}, *words])
    findings = check(config, reader=reader, checks=[check_arguments])
    (finding,) = (one for one in findings if one.path == "o::amsgrad")
    assert ("it was given before _target_ was changed" in finding.message) == is_left_over


def test_an_argument_beside_a_checkpoint_is_not_left_over(reader, tmp_path: Path) -> None:
    run = Path("run")
    run.mkdir()
    (run / "config.yaml").write_text("o:\n  _target_: torch.optim.SGD\n  params: []\n")
    (run / "provenance.json").write_text(
        '{"o::_target_": ["exp.yaml:2:3", "base.yaml:2:3"], "o::params": ["exp.yaml:3:3"]}'
    )
    (run / "record.json").write_text("{}")
    (finding,) = check(load(["run", "o::amsgrad=true"]), reader=reader, checks=[check_arguments])
    assert "before" not in finding.message


@pytest.mark.parametrize(
    ("key", "reference"), [("true", "@vars::true"), ("0", "@vars::0"), ("'0'", "@vars::0"), ("'true'", "@vars::true")]
)
def test_check_finds_keys_by_the_rule_of_loading(key: str, reference: str) -> None:
    Path("config.yaml").write_text(f"vars: {{{key}: 3}}\nargs: {{fit: {{ckpt_path: '{reference}'}}}}\n")
    config = load(["config.yaml"])
    assert config.resolve("args::fit::ckpt_path") == 3
    assert [finding for finding in check(config) if finding.path.startswith(("vars", "args"))] == []


def test_module_of_the_project_that_is_not_python_is_an_error() -> None:
    Path("project").mkdir()
    Path("project/__init__.py").touch()
    Path("project/nets.py").write_text("class Net(:\n    pass\n")
    findings = check(load([{"project": "project", "model": {"_target_": "project.nets.Net"}}]))
    (finding,) = (finding for finding in findings if finding.path == "model::_target_")
    assert finding.severity is Severity.ERROR
    assert "nets.py cannot be read as Python: invalid syntax" in finding.message


def test_nothing_is_guessed_for_a_target_made_at_run_time() -> None:
    Path("made.py").write_text("class Stacked: ...\nglobals().update(stack=len, cat=len)\n")
    reader = SignatureReader(search_path=[Path.cwd()], cache_folder=None)
    for name in ("stack", "cat", "Stackedd"):
        config = load([{"model": {"_target_": f"made.{name}"}}])
        assert [finding for finding in check(config, reader=reader) if finding.check == "targets"] == []


def test_two_copies_of_a_named_item_in_one_list_are_an_error() -> None:
    config = load([{"x": {"_name_": "ema"}, "callbacks": ["%x", "%x"]}])
    (finding,) = (finding for finding in check(config) if "are named" in finding.message)
    assert finding.severity is Severity.ERROR
    assert finding.message == "two items of callbacks are named 'ema'"


def test_what_an_argument_deleted_is_said_at_the_argument(checked, system_yaml: str) -> None:
    (finding,) = checked("~system::optimizer::params", exp=system_yaml)
    assert str(finding.place) == "command line, word 2"
    assert finding.fix == "leave out ~system::optimizer::params, or add `params:` to system::optimizer"


def test_every_mistake_of_one_argument_or_one_mapping_is_reported(checked, system_yaml: str) -> None:
    findings = checked("system::criterion={wieght: 1, redaction: 2}", exp=system_yaml)
    assert {finding.path for finding in findings} == {"system::criterion::wieght", "system::criterion::redaction"}
    unused = [
        finding.path for finding in check(load([{"first": 1, "second": 2}])) if "nothing refers" in finding.message
    ]
    assert unused == ["first", "second"]


@pytest.mark.parametrize(
    ("argument", "written", "nearest"), [("accelerator", "gpus", "gpu"), ("strategy", "dpp", "ddp")]
)
def test_mistyped_name_of_a_registry_is_a_warning(checked, system_yaml, argument, written, nearest) -> None:
    (finding,) = checked(f"trainer::{argument}={written}", exp=system_yaml)
    assert (finding.severity, finding.nearest[0]) == (Severity.WARNING, nearest)
    assert finding.message == f"Lightning has no {argument} {written!r}"


@pytest.mark.parametrize("word", ["accelerator=gpu", "accelerator=hpu", "strategy=hivemind", "accelerator=$'gpus'"])
def test_name_that_a_registry_may_have_is_no_finding(checked, system_yaml, word) -> None:
    assert checked(f"trainer::{word}", exp=system_yaml) == []


def test_metric_whose_value_is_a_matrix_is_an_error(checked, system_yaml) -> None:
    word = "system::metrics={val: [{_target_: torchmetrics.ConfusionMatrix, task: binary}]}"
    found = [finding for finding in checked(word, exp=system_yaml) if "matrix" in finding.message]
    assert [finding.path for finding in found] == ["system::metrics::val::0"]
    assert found[0].message == "ConfusionMatrix cannot be logged: its value is a matrix"
    assert found[0].fix.startswith("move system::metrics::val::0 to a callback")


def test_matrix_under_a_key_is_an_error_too(checked, system_yaml) -> None:
    word = "system::metrics={val: {a: {metric: {_target_: torchmetrics.ConfusionMatrix, task: binary}, pred: x}}}"
    found = [finding for finding in checked(word, exp=system_yaml) if "matrix" in finding.message]
    assert [finding.path for finding in found] == ["system::metrics::val::a::metric"]


def test_ssim_without_a_range_depends_on_the_batches(checked, system_yaml) -> None:
    word = "system::metrics={val: [{_target_: torchmetrics.image.StructuralSimilarityIndexMeasure%s}]}"
    (finding,) = (one for one in checked(word % "", exp=system_yaml) if one.check == "metric_values")
    assert finding.message == "StructuralSimilarityIndexMeasure takes its range from each batch"
    assert (finding.severity, finding.path) == (Severity.WARNING, "system::metrics::val::0")
    given = checked(word % ", data_range: 1.0", exp=system_yaml)
    assert not any(one.check == "metric_values" for one in given)


MEAN = "{_target_: torchmetrics.MeanSquaredError}"


@pytest.mark.parametrize(
    "metrics",
    [
        f"{{a: {{metric: {MEAN}, pred: logits.cls, target: y.cls}}, b: {MEAN}}}",
        f"{{a: {{metric: [{MEAN}], pred: 0, target: null}}}}",
        f"{{a: {{metric: {{x: {MEAN}, y: {{metric: {MEAN}, pred: z}}}}, pred: '$len'}}}}",
        f"{{metric: {MEAN}, pred: {MEAN}}}",
        "{a: {metric: '@vars::one', pred: {_target_: torch.argmax, _mode_: partial, dim: 1}}}",
    ],
)
def test_metrics_by_key_are_known(checked, system_yaml, metrics) -> None:
    words = [f"=system::metrics::val={metrics}", f"=vars::one={MEAN}"]
    assert [finding for finding in checked(*words, exp=system_yaml) if finding.check == "keyed_metrics"] == []


@pytest.mark.parametrize(
    ("metrics", "path", "message", "nearest"),
    [
        (f"{{a: {{metric: {MEAN}, preds: x}}}}", "a::preds", "is not a key of a metric", ("pred",)),
        ("{a: {pred: x}}", "a", "has no metric", ()),
        (f"{{a: {{metric: {MEAN}, pred: 0.5}}}}", "a::pred", "is 0.5, not a part of the pred", ()),
        (f"{{a: {{metric: {MEAN}, target: [x]}}}}", "a::target", "is ['x'], not a part of the target", ()),
        (f"[{{metric: {MEAN}, pred: x}}]", "0", "has no name", ()),
        (f"{{metric: {MEAN}, pred: x}}", "pred", "is 'x', not a metric", ()),
        (f"{{a: {{metric: {{b: {{metrik: {MEAN}}}}}}}}}", "a::metric::b", "has no metric", ()),
    ],
)
def test_wrong_metric_by_key_is_an_error_with_the_nearest(
    checked, system_yaml, metrics, path, message, nearest
) -> None:
    found = checked(f"=system::metrics::val={metrics}", exp=system_yaml)
    first, *_ = [finding for finding in found if finding.check == "keyed_metrics"]
    assert (first.path, first.message) == (f"system::metrics::val::{path}", f"system::metrics::val::{path} {message}")
    assert (first.nearest, first.severity) == (nearest, Severity.ERROR)


MLFLOW = "=trainer::logger={_target_: pytorch_lightning.loggers.MLFlowLogger, tracking_uri: sqlite:///a.db}"


@pytest.mark.parametrize(
    ("metrics", "path", "names"),
    [
        (f"{{Acc@1: {MEAN}, Acc1: {MEAN}}}", "Acc1", "'Acc@1' and 'Acc1'"),
        (f"{{a: {{metric: {{x: {MEAN}, 'x#': {MEAN}}}, pred: z}}}}", "a", "'a/x' and 'a/x#'"),
    ],
)
def test_names_that_a_logger_joins_are_a_warning(checked, system_yaml, metrics, path, names) -> None:
    found = checked(MLFLOW, f"=system::metrics::val={metrics}", exp=system_yaml)
    (finding,) = [finding for finding in found if finding.check == "logger_names"]
    assert (finding.path, finding.severity) == (f"system::metrics::val::{path}", Severity.WARNING)
    assert finding.message == f"MLFlowLogger writes {names} of system::metrics::val as one metric"
    assert finding.fix.endswith("drops @" if "@" in names else "drops #")


@pytest.mark.parametrize(
    ("logger", "metrics"),
    [
        ("trainer::max_epochs=10", f"{{Acc@1: {MEAN}, Acc1: {MEAN}}}"),
        (MLFLOW, f"{{Acc@1: {MEAN}, acc1: {MEAN}, Acc-1: {MEAN}}}"),
    ],
)
def test_names_that_a_logger_keeps_apart_are_no_finding(checked, system_yaml, logger, metrics) -> None:
    found = checked(logger, f"=system::metrics::val={metrics}", exp=system_yaml)
    assert [finding for finding in found if finding.check == "logger_names"] == []


def test_matrix_outside_the_metrics_is_no_finding(checked, system_yaml) -> None:
    word = "=vars::matrix={_target_: torchmetrics.ConfusionMatrix, task: binary}"
    assert not [finding for finding in checked(word, exp=system_yaml) if "is a matrix" in finding.message]


def test_plus_before_a_path_says_how_a_new_key_is_written() -> None:
    with pytest.raises(MergeError) as raised:
        load([{"vars": {"a": 1}, "x": "@vars::a"}, "+vars::b=3"])
    (finding,) = raised.value.findings
    assert finding.fix == "write =vars::b=… for a new key, or vars::b+=… to append to a list"


def test_doubtful_text_in_a_file_that_is_copied_is_reported() -> None:
    Path("part.yaml").write_text("_target_: collections.Counter\na: ...\nb: '...'\nc: yes\nd: 'yes'\n")
    Path("exp.yaml").write_text('x: "%part.yaml"\nown: ...\nagain: "%own"\nuse: ["@x", "@own", "@again"]\n')
    found = [finding for finding in check(load(["exp.yaml"])) if "placeholder" in finding.message]
    assert [(finding.path, str(finding.place)) for finding in found] == [
        ("own", "exp.yaml:2:6"),
        ("x::a", "copied by % from part.yaml:2:4"),
    ]
    (word,) = (finding for finding in check(load(["exp.yaml"])) if "is the text" in finding.message)
    assert (word.path, word.message) == ("x::c", "x::c is the text 'yes'")
    changed = check(load(["exp.yaml", {"x": {"a": 1}, "own": 2}]))
    assert not [finding for finding in changed if "placeholder" in finding.message]


def test_text_for_a_number_or_tensor_is_not_offered_as_a_tensor(checked, system_yaml) -> None:
    found = [finding for finding in checked("system::optimizer::lr=1e", exp=system_yaml) if "1e" in finding.message]
    assert len(found) == 1
    assert "tensor" not in found[0].fix


@pytest.mark.parametrize("word", ["args=3", "args::fit=3", "args=[1]"])
def test_args_that_are_no_mapping_are_an_error(checked, system_yaml, word) -> None:
    path, _, value = word.partition("=")
    (finding,) = checked(word, exp=system_yaml)
    assert (finding.path, finding.message) == (path, f"{path} must be a mapping, is {value}")


@pytest.mark.parametrize("word", ["args=null", "args::fit=$dict()", "args=$dict()"])
def test_args_that_may_be_a_mapping_are_no_finding(checked, system_yaml, word) -> None:
    assert checked(word, exp=system_yaml) == []


@pytest.mark.parametrize(
    ("word", "nearest", "fix"),
    [
        ("system::lr=3", ("system::optimizer::lr",), "write system::optimizer::lr=3"),
        ("trainer::lr=3", ("system::optimizer::lr",), "write system::optimizer::lr=3"),
        ("trainer::learning_rate=3", ("system::optimizer::lr",), "write system::optimizer::lr=3"),
        ("system::weight_decay=3", ("system::optimizer::weight_decay",), "write system::optimizer::weight_decay=3"),
        ("system::trainer::max_epochs=3", ("trainer",), "write trainer::max_epochs=3"),
        ("model::lr=3", ("system::optimizer::lr",), "write system::optimizer::lr=3"),
    ],
)
def test_argument_that_another_component_takes_names_its_path(checked, system_yaml, word, nearest, fix) -> None:
    findings = checked(word, exp=system_yaml)
    assert (nearest, fix) in [(finding.nearest, finding.fix) for finding in findings]


def test_argument_given_to_two_that_lack_it_does_not_name_the_other(checked, system_yaml) -> None:
    found = checked("system::gamma_=3", "trainer::gamma_=3", exp=system_yaml)
    assert [finding.nearest for finding in found if finding.check == "arguments"] == [(), ()]


def test_key_of_a_file_that_another_component_takes_names_its_path(checked, system_yaml) -> None:
    (finding,) = [one for one in checked(exp=system_yaml.replace("system:\n", "system:\n  lr: 3\n")) if one.nearest]
    assert (finding.nearest, finding.place.line is not None) == (("system::optimizer::lr",), True)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ("{fit: '@vars::a'}", "vars::a::ckpt_pth"),
        ("'@vars::all'", "vars::all::fit::ckpt_pth"),
        ("'@vars::again'", "vars::all::fit::ckpt_pth"),
        ("{fit: '%vars::a'}", "args::fit::ckpt_pth"),
    ],
)
def test_arguments_of_a_stage_behind_a_reference_are_checked(checked, system_yaml, args: str, path: str) -> None:
    values = "  a: {ckpt_pth: x}\n  all: {fit: {ckpt_pth: x}}\n  again: '@vars::all'\n"
    found = checked(exp=f"{system_yaml}args: {args}\n".replace("vars:\n", f"vars:\n{values}", 1))
    (finding,) = [one for one in found if one.check == "stage_arguments"]
    assert finding.path == path
    assert finding.nearest == ("ckpt_path",)
    assert finding.place.line is not None


def test_what_args_refer_to_must_be_a_mapping(checked, system_yaml) -> None:
    found = checked("=args={fit: '@vars::a'}", "=vars::a=3", exp=system_yaml)
    (finding,) = [one for one in found if one.check == "stage_arguments"]
    assert finding.message == "args::fit must be a mapping, is 3"


def test_unknown_stage_behind_a_reference_is_an_error(checked, system_yaml) -> None:
    found = checked("=args=@vars::a", "=vars::a={fitt: {}}", exp=system_yaml)
    (finding,) = [one for one in found if "unknown stage" in one.message]
    assert (finding.path, finding.nearest) == ("vars::a::fitt", ("fit",))


@pytest.mark.parametrize("word", ["trainer::max_epochs=...", "trainer::accelerator=...", "trainer::devices=[...]"])
def test_a_placeholder_is_one_finding(checked, system_yaml, word: str) -> None:
    (finding,) = [one for one in checked(word, exp=system_yaml) if one.place is not None and one.place.word]
    assert "placeholder" in finding.message


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("@vars::batch_size * 2", "$@vars::batch_size * 2"),
        ("@vars::batch_size/2", "$@vars::batch_size/2"),
        ("@::T_max-1", "$@::T_max-1"),
    ],
)
def test_arithmetic_without_a_dollar_names_the_expression(checked, system_yaml, text: str, written: str) -> None:
    (finding,) = checked(f"system::scheduler::eta_min={text}", exp=system_yaml)
    assert finding.nearest == (written,)
    assert finding.fix == f'write "{written}": arithmetic needs an expression'


LOADER = "{_target_: torch.utils.data.DataLoader, dataset: []}"


@pytest.mark.parametrize("argument", ["network", "teacher", "student"])
@pytest.mark.parametrize("value", ["'@vars::loader'", LOADER])
def test_component_that_is_not_a_module_is_an_error_where_one_is_needed(checked, system_yaml, argument, value) -> None:
    holder = {"network": "'@system::model'", argument: value}
    text = ", ".join(f"{name}: {given}" for name, given in holder.items())
    words = [f"=vars::loader={LOADER}", f"=trainer::logger={{_target_: typed.Holder, {text}}}"]
    (finding,) = [one for one in checked(*words, exp=system_yaml) if "must be a" in one.message]
    assert finding.message == f"trainer::logger::{argument} must be a torch.nn.Module, is a DataLoader"
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "value",
    [
        "'@system::model'",
        "'@system::criterion'",
        "{_target_: torch.nn.Identity}",
        "{_target_: typed.Maker}",
        "{_target_: typed.make}",
        "{_target_: torch.utils.data.DataLoader, dataset: [], _mode_: callable}",
        "$print",
    ],
)
def test_what_may_be_a_module_is_no_finding(checked, system_yaml, value) -> None:
    others = f"either: {LOADER}, anything: {LOADER}"
    word = f"=trainer::logger={{_target_: typed.Holder, network: {value}, {others}}}"
    assert [one for one in checked(word, exp=system_yaml) if "must be a" in one.message] == []


ADAM = "{_target_: torch.optim.AdamW, lr: 0.1}"


def test_optimizer_of_several_without_a_mode_is_told_to_be_partial(checked, system_yaml) -> None:
    optimizers = f"{{a: {{optimizer: {ADAM}, modules: a}}, b: {{optimizer: {ADAM[:-1]}, _mode_: partial}}}}}}"
    target = "{_target_: lighter.optimizers.CombinedOptimizer, network: '@system::model', optimizers: "
    found = [one for one in checked(f"=system::optimizer={target}{optimizers}}}", exp=system_yaml) if one.fix]
    assert [one.fix for one in found] == [
        "add `_mode_: partial` to system::optimizer::optimizers::a::optimizer: the CombinedOptimizer gives params"
    ]


def test_list_of_optimizers_is_told_to_combine_them(checked, system_yaml) -> None:
    word = f"=trainer::logger={{_target_: typed.Choosing, optimizer: [{ADAM}, {ADAM}]}}"
    found = [one for one in checked(word, exp=system_yaml) if "does not take" in one.message]
    assert found[0].fix.startswith("combine them in a lighter.optimizers.CombinedOptimizer")


@pytest.mark.parametrize(
    ("target", "severity"), [("lighter.choosing.Choosing", "error"), ("typed.Choosing", "warning")]
)
def test_choice_that_lighter_refuses_is_an_error(checked, system_yaml, target, severity) -> None:
    (found,) = checked(f"=trainer::logger={{_target_: {target}, kind: c}}", exp=system_yaml)
    assert (found.severity, found.expected) == (severity, ("a", "b"))
