"""Mistakes as people make them: each must be found at the right path and place, with the right name to use instead."""
# ruff: noqa: E501  # one mistake a line

from dataclasses import dataclass

import pytest

from lighter_config.errors import ConfigError
from lighter_config.findings import Severity
from lighter_config.stages import Stage

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
MAX_LINES = 15


@dataclass(frozen=True)
class Mistake:
    """One mistake in an experiment that is right otherwise.

    Attributes:
        path: The path that the finding must name.
        nearest: The first of its nearest names; empty when there must be none.
        words: Words after the file.
        edit: Text of the file and what replaces it; the place is the line of the replacement.
        more: A second file; the place is its line that holds ``at``.
        at: Text of the line that the finding must point at, when it is not the replacement; or a word's number.
        layout: The experiment that the mistake is made in.
    """

    path: str
    nearest: str = ""
    words: tuple[str, ...] = ()
    edit: tuple[str, str] | None = None
    more: str = ""
    at: str | int = 2
    layout: str = "system"
    stage: Stage | None = None
    severity: Severity = ERROR


MISTAKES = {
    # parameter groups
    "a mistyped selection": Mistake("system::optimizer::params::groups::a::modul", "modules", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {modul: head}}}",)),
    "a mistyped option of a group": Mistake("system::optimizer::params::groups::a::weight_decy", "weight_decay", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {modules: head, weight_decy: 0}}}",)),
    "another name for an option of a group": Mistake("system::optimizer::params::groups::a::learning_rate", "lr", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {modules: head, learning_rate: 1}}}",)),
    "an option that the optimizer lacks": Mistake("system::optimizer::params::groups::a::use_muon", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {modules: head, use_muon: true}}}",), severity=WARNING),
    "a group that selects nothing": Mistake("system::optimizer::params::groups::a", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {lr: 1}}}",)),
    "a selection that is a number": Mistake("system::optimizer::params::groups::a::modules", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: {modules: 3}}}",)),
    "a group that is text": Mistake("system::optimizer::params::groups::a", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: {a: head}}",)),
    "groups in a list": Mistake("system::optimizer::params::groups", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', groups: [head]}",)),
    "an option in no_weight_decay": Mistake("system::optimizer::params::no_weight_decay::lr", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', no_weight_decay: {types: norms, lr: 1}}",)),
    "layer decay without layers": Mistake("system::optimizer::params::layer_decay", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', layer_decay: 0.5}",)),
    "layers without layer decay": Mistake("system::optimizer::params::layers", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', layers: [stem, head]}",)),
    "a layer decay above 1": Mistake("system::optimizer::params::layer_decay", words=("=system::optimizer::params={_target_: lighter.optimizers.groups, network: '@system::model', layer_decay: 1.5, layers: [stem, head]}",)),
    "an optimizer of several without one": Mistake("system::optimizer::optimizers::b", words=("=system::optimizer={_target_: lighter.optimizers.CombinedOptimizer, network: '@system::model', optimizers: {a: {optimizer: {_target_: torch.optim.SGD, _mode_: partial}, modules: a}, b: {modules: b}}}",)),
    "a mistyped selection of several optimizers": Mistake("system::optimizer::optimizers::a::module", "modules", words=("=system::optimizer={_target_: lighter.optimizers.CombinedOptimizer, network: '@system::model', optimizers: {a: {optimizer: {_target_: torch.optim.SGD, _mode_: partial}, module: a}, b: {optimizer: {_target_: torch.optim.AdamW, _mode_: partial}}}}",)),
    "a turn of no optimizer": Mistake("system::optimizer::alternate::head", "haed", words=("=system::optimizer={_target_: lighter.optimizers.CombinedOptimizer, network: '@system::model', optimizers: {a: {optimizer: {_target_: torch.optim.SGD, _mode_: partial}, modules: a}, haed: {optimizer: {_target_: torch.optim.AdamW, _mode_: partial}}}, alternate: {a: 1, head: 1}}",)),
    # sections
    "mistyped section": Mistake("trainr", "trainer", edit=("trainer:", "trainr:")),
    "no trainer": Mistake("", words=("~trainer",)),
    "no model at all": Mistake("", words=("~model",), layout="module"),
    "mistyped model": Mistake("modle", "model", edit=("model:\n  _target_: project", "modle:\n  _target_: project"), layout="module"),
    "mistyped root in a word": Mistake("trainr", "trainer", words=("trainr={max_epochs: 3}",)),
    "mistyped args": Mistake("arg", "args", words=("arg={fit: {ckpt_path: last}}",)),
    "mistyped vars": Mistake("var", "vars", more="var:\n  batch_size: 3\n", at="var:"),
    "old section for the model": Mistake("lightning_module", "model", more="lightning_module: {_target_: project.nets.Module}\n", at="lightning_module"),
    "old section for the data": Mistake("data_module", "data", more="data_module: {_target_: lighter.LighterDataModule}\n", at="data_module"),
    "both layouts": Mistake("model", more="model:\n  _target_: project.nets.Module\n  network: null\n", at="model:"),
    "system with data": Mistake("data", more="data: {_target_: lighter.LighterDataModule}\n", at="data:"),
    "a key that nothing uses": Mistake("leftover", words=("=leftover=1",), severity=WARNING),
    "a variable that nothing uses": Mistake("vars::unused", words=("=vars::unused=1",), severity=WARNING),
    "an argument that nothing reads": Mistake("leftover", words=("leftover=1",)),
    "positional arguments that are no list": Mistake("system::model::_args_", words=("system::model::_args_=5",)),
    "no positional arguments": Mistake("system::model::_args_", words=("system::model::_args_=null",)),
    "a flag that is neither true nor false": Mistake("system::scheduler::_disabled_", words=("system::scheduler::_disabled_=maybe",)),
    "a mistyped _target_": Mistake("system::criterion::_targt_", "_target_", words=("=system::criterion={_targt_: torch.nn.MSELoss}",)),
    "class_path for _target_": Mistake("system::criterion::class_path", words=("=system::criterion={class_path: torch.nn.MSELoss, init_args: {}}",), severity=WARNING),
    "_partial_ for _mode_": Mistake("system::optimizer::_partial_", words=("system::optimizer::_partial_=true",)),
    "_delete_ for =": Mistake("system::metrics::_delete_", words=("system::metrics::_delete_=true",)),
    "a base inside a section": Mistake("vars::_base_", words=("=vars::_base_=x.yaml",), severity=WARNING),
    "the defaults of Hydra": Mistake("defaults", words=("=defaults=[model: x]",), severity=WARNING),
    "a value that the source refuses": Mistake("trainer::callbacks::1::mode", "max", words=("trainer::callbacks::1::mode=maximum",)),
    "a variable that nothing reads": Mistake("vars::batc", "vars::batch_size", words=("vars::batc=8",)),
    "an argument without its section": Mistake("max_epochs", "trainer::max_epochs", words=("max_epochs=3",)),
    "an argument with one colon": Mistake("trainer:max_epochs", "trainer::max_epochs", words=("trainer:max_epochs=3",)),
    "an argument in Hydra's form": Mistake(r"\++trainer.max_epochs", "trainer::max_epochs", words=("++trainer.max_epochs=3",)),
    "a section without a target": Mistake("trainer", edit=("  _target_: pytorch_lightning.Trainer\n", ""), at="trainer:"),
    "a stage that does not exist": Mistake("args::train", "fit", words=("args={train: {ckpt_path: last}}",)),
    "a mistyped stage": Mistake("args::validat", "validate", words=("args={validat: {}}",)),
    "a mistyped mode of the loaders": Mistake("system::dataloaders::trian", "train", edit=("    train:\n      _target_: torch.utils", "    trian:\n      _target_: torch.utils"), at="    trian:"),
    "a mode that metrics do not have": Mistake("system::metrics::predict", words=("system::metrics::predict=null",)),
    "a mistyped adapter": Mistake("system::adapters::train::criterium", "criterion", words=("system::adapters={train: {criterium: null}}",)),
    "an adapter that a mode lacks": Mistake("system::adapters::test::criterion", words=("system::adapters={test: {criterion: null}}",)),
    # targets
    "mistyped class": Mistake("system::optimizer::_target_", "torch.optim.AdamW", edit=("torch.optim.AdamW", "torch.optim.AdmW")),
    "mistyped class in a word": Mistake("system::optimizer::_target_", "torch.optim.AdamW", words=("system::optimizer::_target_=torch.optim.AdamWW",)),
    "mistyped module": Mistake("system::optimizer::_target_", "torch.optim.AdamW", edit=("torch.optim.AdamW", "torch.optm.AdamW")),
    "mistyped package": Mistake("system::criterion::_target_", "torch.nn.CrossEntropyLoss", edit=("torch.nn.CrossEntropyLoss", "troch.nn.CrossEntropyLoss")),
    "wrong case": Mistake("trainer::callbacks::1::_target_", "pytorch_lightning.callbacks.EarlyStopping", edit=("callbacks.EarlyStopping", "callbacks.Earlystopping")),
    "mistyped class of the project": Mistake("system::model::_target_", "project.nets.Net", edit=("project.nets.Net", "project.nets.Nett")),
    "mistyped module of the project": Mistake("system::model::_target_", "project.nets.Net", edit=("project.nets.Net", "project.net.Net")),
    "a module as target": Mistake("trainer::_target_", "pytorch_lightning.trainer.Trainer", edit=("pytorch_lightning.Trainer", "pytorch_lightning.trainer")),
    "a target that is no name": Mistake("trainer::_target_", words=("trainer::_target_=3",)),
    "a moved writer": Mistake("trainer::callbacks::2::_target_", "lighter.callbacks.FileWriter", words=("trainer::callbacks+={_target_: lighter.callbacks.writer.file.FileWriter, directory: out}",)),
    "a moved system": Mistake("system::_target_", "lighter.System", edit=("lighter.System", "lighter.LighterSystem")),
    "a target inside a copy": Mistake("system::dataloaders::val::_target_", "torch.utils.data.DataLoader", edit=("    val:\n      _target_: torch.utils.data.DataLoader", "    val:\n      _target_: torch.utils.data.DataLoder"), at="DataLoder"),
    "a mode that does not exist": Mistake("system::criterion::_mode_", "partial", words=("system::criterion::_mode_=partail",)),
    # arguments
    "mistyped argument": Mistake("trainer::callbacks::1::patiance", "patience", edit=("patience: 5", "patiance: 5")),
    "mistyped argument in a word": Mistake("trainer::max_epoch", "max_epochs", words=("trainer::max_epoch=3",)),
    "mistyped argument by index": Mistake("trainer::callbacks::0::save_topk", "save_top_k", words=("trainer::callbacks::0::save_topk=2",)),
    "argument of another class": Mistake("system::optimizer::momentum", words=("system::optimizer::momentum=0.9",)),
    "argument left after a change of target": Mistake("system::optimizer::betas", words=("system::optimizer::_target_=torch.optim.SGD",), at="betas:"),
    "argument left after a change in a file": Mistake("system::optimizer::betas", more="system:\n  optimizer:\n    _target_: torch.optim.SGD\n", at="betas:"),
    "a missing argument": Mistake("system::model::_target_", edit=("    width: 64\n", ""), at="project.nets.Net"),
    "two missing arguments": Mistake("system::model::_target_", words=("=system::model={_target_: torch.nn.Linear}",)),
    "an argument given twice": Mistake("system::model::width", words=("system::model::_args_=[32]",), at="width: 64"),
    "too many positional arguments": Mistake("system::model::_args_", words=("=system::model={_target_: project.nets.Net, _args_: [1, 2, 3]}",)),
    "an argument of a callback of ours": Mistake("trainer::callbacks::2::module", "modules", words=("trainer::callbacks+={_target_: lighter.callbacks.Freezer, module: [a]}",)),
    "an argument near one behind **kwargs": Mistake("system::metrics::train::Accuracy::num_clases", "num_classes", edit=("num_classes: \"%vars", "num_clases: \"%vars"), severity=WARNING),
    "an argument copied by %": Mistake("system::dataloaders::val::shufle", "shuffle", edit=("dataset: \"@numbers\"\n    test", "dataset: \"@numbers\"\n      shufle: true\n    test"), at="shufle"),
    "an argument of the module": Mistake("model::critrion", "criterion", edit=("  criterion:", "  critrion:"), layout="module"),
    "an argument of the data module": Mistake("data::val_dataloder", "val_dataloader", edit=("  val_dataloader:", "  val_dataloder:"), layout="module"),
    "a loader inside the data module": Mistake("data::train_dataloader::batchsize", "batch_size", edit=("batch_size: 2", "batchsize: 2"), layout="module"),
    "an argument of a stage": Mistake("args::fit::ckpt_pth", "ckpt_path", words=("args={fit: {ckpt_pth: last}}",)),
    "compile of something else than the network": Mistake("system::criterion::compile", words=("system::criterion::compile=true",)),
    # references
    "a reference to nowhere": Mistake("system::optimizer::params", "system::model", edit=("$@system::model.parameters()", "$@system::modl.parameters()")),
    "a reference to a missing variable": Mistake("system::dataloaders::train::batch_size", "vars::batch_size", edit=("%vars::batch_size", "%vars::batchsize")),
    "a reference of the module": Mistake("model::optimizer::params", "model::network", edit=("@model::network.", "@model::netwrok."), layout="module"),
    "an attribute without an expression": Mistake("system::optimizer::params", "$@system::model.weights", edit=("$@system::model.parameters()", "@system::model.weights")),
    "a cycle of references": Mistake("vars::a", words=("vars::a=@vars::b", "vars::b=@vars::a", "trainer::max_epochs=@vars::a"), at=2),
    "a reference to itself": Mistake("trainer::max_epochs", words=("trainer::max_epochs=@trainer::max_epochs",)),
    "an index that is too high": Mistake("system::criterion", words=("system::criterion=@trainer::callbacks::7",)),
    "a reference to what is disabled": Mistake("system::scheduler::optimizer", words=("system::optimizer::_disabled_=true",), at="\"@system::optimizer\""),
    "an unknown name in an expression": Mistake("trainer::max_epochs", words=("trainer::max_epochs=$random.randint(1, 2)",)),
    "a mistyped name in an expression": Mistake("trainer::max_epochs", "math", words=("trainer::max_epochs=$mth.floor(2.5)",)),
    "a name that is a section": Mistake("trainer::max_epochs", "@seed", words=("seed=3", "trainer::max_epochs=$seed"), at=3),
    "an expression that is no Python": Mistake("trainer::max_epochs", words=("trainer::max_epochs=$1 +",)),
    # literals
    "a word for a number": Mistake("trainer::max_epochs", words=("trainer::max_epochs=many",)),
    "a quoted number": Mistake("system::optimizer::lr", words=("system::optimizer::lr='1e-3'",)),
    "a literal that is not allowed": Mistake("system::metrics::train::Accuracy::task", "multiclass", edit=("task: multiclass", "task: multi-class"), severity=WARNING),
    "a tuple of the wrong length": Mistake("system::optimizer::betas", edit=("[0.9, 0.99]", "[0.9]"), severity=WARNING),
    "a wrong item of a list": Mistake("trainer::devices::1", words=("trainer::devices=[0, one]",), severity=WARNING),
    "null for a number": Mistake("system::optimizer::lr", words=("system::optimizer::lr=null",), severity=WARNING),
    "a fraction for a count": Mistake("trainer::callbacks::1::patience", words=("trainer::callbacks::1::patience=2.5",), severity=WARNING),
    "None for null": Mistake("trainer::max_epochs", edit=("max_epochs: 10", "max_epochs: None")),
    "yes for true": Mistake("system::dataloaders::train::shuffle", edit=("shuffle: true", "shuffle: yes")),
    "a placeholder": Mistake("trainer::max_epochs", edit=("max_epochs: 10", "max_epochs: ...")),
    "an empty list over components": Mistake("trainer::callbacks", more="trainer:\n  callbacks: []\n", at="callbacks: []", severity=WARNING),
    "the old separator": Mistake("system::optimizer::params", edit=("@system::model", "@system#model"), severity=WARNING),
    # what a stage needs
    "fit without an optimizer": Mistake("system", words=("~system::optimizer", "~system::scheduler"), stage=Stage.FIT),
    "fit without a criterion": Mistake("system", words=("~system::criterion",), stage=Stage.FIT),
    "no optimizer beside train data": Mistake("system", words=("~system::optimizer", "~system::scheduler"), severity=WARNING),
    "a module without an optimizer beside train data": Mistake("model", words=("~model::optimizer",), layout="module", severity=WARNING),
    "fit without train data": Mistake("system::dataloaders", words=("~system::dataloaders::train",), stage=Stage.FIT),
    "predict without data": Mistake("system::dataloaders", words=("~system::dataloaders::predict",), stage=Stage.PREDICT),
    "a module without an optimizer": Mistake("model", words=("~model::optimizer",), layout="module", stage=Stage.FIT),
    "a data module without predict data": Mistake("data", at="data:", layout="module", stage=Stage.PREDICT),
    "a module without data": Mistake("model", words=("~data",), layout="module", stage=Stage.FIT),
    # monitors
    "a monitor of plain Lightning": Mistake("trainer::callbacks::1::monitor", "val/loss/epoch", edit=("val/loss/epoch", "val_loss")),
    "a monitor of a step": Mistake("trainer::callbacks::1::monitor", "val/loss/epoch", edit=("val/loss/epoch", "val/loss/step")),
    "a monitor of a metric by another name": Mistake("trainer::callbacks::0::monitor", "val/metrics/Accuracy/epoch", edit=("val/metrics/Accuracy/epoch", "val/metrics/Acuracy/epoch")),
    "a monitor without validation": Mistake("trainer::callbacks::1::monitor", "train/loss/epoch", words=("~system::dataloaders::val", "=system::dataloaders::test=null", "=system::dataloaders::predict=null"), at="monitor: val/loss/epoch"),
    "a monitor of one of two loaders": Mistake("trainer::callbacks::1::monitor", "val/loss/epoch/dataloader_idx_0", words=("system::dataloaders::val=[\"%system::dataloaders::train\", \"%system::dataloaders::train\"]",), at="monitor: val/loss/epoch"),
    "a monitor of a scheduler": Mistake("system::scheduler::monitor", "val/loss/epoch", words=("=system::scheduler={scheduler: {_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, optimizer: '@system::optimizer'}, monitor: valid_loss}",)),
    "a monitor of a module": Mistake("trainer::callbacks::0::monitor", "val/loss/epoch", edit=("monitor: val/loss/epoch", "monitor: val_loss"), layout="module", severity=WARNING),
    # checkpoints
    "a checkpoint that is not there": Mistake("args::test::ckpt_path", words=("args={test: {ckpt_path: nowhere/best.ckpt}}",), stage=Stage.TEST),
    "a checkpoint of another stage": Mistake("args::test::ckpt_path", words=("args={test: {ckpt_path: nowhere/best.ckpt}}",), severity=WARNING),
}  # fmt: skip


def test_there_are_at_least_sixty_mistakes() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_found_where_it_is_with_the_name_to_use(
    checked, system_yaml, module_yaml, name: str, record_property
) -> None:
    mistake = MISTAKES[name]
    text = {"system": system_yaml, "module": module_yaml}[mistake.layout]
    if mistake.edit is not None:
        assert mistake.edit[0] in text
        text = text.replace(*mistake.edit, 1)
    files = {"exp": text, **({"more": mistake.more} if mistake.more else {})}
    try:
        findings = checked(*mistake.words, stage=mistake.stage, **files)
    except ConfigError as error:
        findings = list(error.findings)
    shown = "\n\n".join(f"[{finding.check}] {finding.path!r} {finding}" for finding in findings)
    right = [
        finding
        for finding in findings
        if finding.path == mistake.path
        and str(finding.place).startswith(expected_place(mistake, files))
        and finding.nearest[:1] == ((mistake.nearest,) if mistake.nearest else ())
        and finding.severity is mistake.severity
    ]
    assert right, shown
    longest = max(len(str(finding).splitlines()) for finding in findings)
    record_property("mistake", longest)  # the score is printed at the end
    assert longest <= MAX_LINES
    if mistake.severity is not ERROR:
        assert not any(finding.severity is ERROR for finding in findings), shown


def expected_place(mistake: Mistake, files: dict[str, str]) -> str:
    if isinstance(mistake.at, int) and mistake.edit is None:
        return f"command line, word {mistake.at}"
    if mistake.at == "exp.yaml":
        return "exp.yaml"
    marker = mistake.at if isinstance(mistake.at, str) else str(mistake.edit and mistake.edit[1]).splitlines()[0]
    for is_there in (str.startswith, str.__contains__):
        for name in reversed(files):
            for number, line in enumerate(files[name].splitlines(), start=1):
                if is_there(line, marker if is_there is str.startswith else marker.strip()):
                    return f"{name}.yaml:{number}:"
    raise AssertionError(f"{marker!r} is in none of the files")
