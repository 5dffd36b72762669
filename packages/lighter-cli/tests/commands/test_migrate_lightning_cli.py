"""Configs of LightningCLI become experiments that pass the check and train; what has no class is reported."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.checking.checker import Checker
from lighter_cli.migration import Kind, migrate
from lighter_config import Severity, load

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

MODELS = """
    import pytorch_lightning as pl
    import torch
    from torch.utils.data import DataLoader, TensorDataset


    class LitDigits(pl.LightningModule):
        def __init__(self, hidden: int, lr: float, optimizer, scheduler=None, note: str = ""):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(4, hidden), torch.nn.Linear(hidden, 2))
            self.lr, self.optimizer, self.note = lr, optimizer, note
            self.scheduler = scheduler

        def training_step(self, batch, batch_idx):
            loss = torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
            self.log("val_loss", loss)
            return loss

        def configure_optimizers(self):
            optimizer = self.optimizer(self.parameters(), lr=self.lr)
            return [optimizer], [self.scheduler(optimizer)] if self.scheduler else []


    class DigitsData(pl.LightningDataModule):
        def __init__(self, batch_size: int = 8):
            super().__init__()
            self.batch_size = batch_size

        def train_dataloader(self):
            return DataLoader(TensorDataset(torch.ones(16, 4), torch.arange(16) % 2), self.batch_size)
"""
CASE = Path(__file__).parent / "migration" / "lightning_cli"


@pytest.fixture
def _models(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write("lit_digits_models.py", MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))


def errors(*files: str) -> list[str]:
    return [str(one) for one in Checker(()).check(list(files)).findings if one.severity is Severity.ERROR]


def migrated(*files: str) -> list[str]:
    """Rewrite files in place, and return what was said."""
    results = migrate(list(files))
    for one in results:
        Path(one.name).write_text(one.after)
    return [str(finding) for one in results for finding in one.findings]


@pytest.mark.usefixtures("_models")
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_config_with_every_form_passes_the_check_and_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (CASE / "before.yaml").read_text().replace("models.", "lit_digits_models.")
    Path("config.yaml").write_text(text)
    assert migrate(["config.yaml"])[0].kind is Kind.LIGHTNING_CLI
    assert migrated("config.yaml") == []
    assert errors("config.yaml") == []
    monkeypatch.setenv("EPOCHS", "2")
    runner = Runner()
    runner.run("fit", ["config.yaml", "trainer::enable_model_summary=false", "trainer::callbacks::2::strict=false"])
    assert runner.experiment is not None
    trainer, model = runner.experiment.trainer, runner.experiment.model
    assert trainer.max_epochs == trainer.current_epoch == 2
    assert type(trainer.optimizers[0]).__name__ == "Adam"
    assert trainer.optimizers[0].param_groups[0]["weight_decay"] == 2e-3
    assert (model.note, trainer.logger.name) == ("@home", "%Y")


def test_a_later_file_replaces_lists_and_other_classes() -> None:
    Path("base.yaml").write_text(
        "trainer:\n  devices: [0]\n  callbacks:\n  - class_path: pytorch_lightning.callbacks.Timer\n"
        "model:\n  class_path: a.Net\n  init_args: {lr: 0.1, head: {class_path: a.Head, init_args: {n: 3}}}\n"
    )
    Path("later.yaml").write_text(
        "trainer:\n  devices: [1, 2]\n  callbacks+:\n  - class_path: pytorch_lightning.callbacks.RichProgressBar\n"
        "model:\n  init_args: {lr: 0.2, head: {class_path: a.Other}}\n"
    )
    assert migrated("base.yaml", "later.yaml") == []
    config = load(["base.yaml", "later.yaml"])
    assert config.get("trainer::devices") == [1, 2]
    assert [one["_target_"].rpartition(".")[2] for one in config.get("trainer::callbacks")] == [
        "Timer",
        "RichProgressBar",
    ]
    assert config.get("model") == {"_target_": "a.Net", "lr": 0.2, "head": {"_target_": "a.Other"}}


def test_sections_without_a_class_are_reported_with_what_to_write(
    in_process: Command, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    Path("config.yaml").write_text(
        "seed_everything: true\ntrainer:\n  max_epochs: 3\nmodel:\n  hidden: 64\ndata:\n  batch_size: 8\n"
        "optimizer:\n  class_path: torch.optim.Adam\n  init_args: {lr: 0.1}\n"
    )
    assert in_process("migrate", "config.yaml").returncode == 1
    assert "config.yaml is a LightningCLI config" in caplog.text
    for place, what in {
        "config.yaml:4:1": "`model` has no class_path",
        "config.yaml:6:1": "`data` has no class_path",
        "config.yaml:8:1": "`optimizer` at the root has no equivalent",
        "config.yaml:1:1": "`seed_everything: true` is removed",
    }.items():
        assert f"{what}" in caplog.text
        assert place in caplog.text
    assert "write `_target_: package.module.Class` first in `model`" in caplog.text


def test_a_class_of_the_script_is_reported_with_its_line() -> None:
    Path("config.yaml").write_text("seed_everything: 1\nmodel:\n  class_path: LitDigits\n")
    (said,) = migrated("config.yaml")
    assert said.startswith("LitDigits is not in an installed library\n  config.yaml:3:3")


def test_a_config_of_one_stage_moves_its_arguments() -> None:
    Path("config.yaml").write_text(
        "# pytorch_lightning==2.6.0\nfit:\n  seed_everything: 7\n  trainer: {max_epochs: 3}\n"
        "  model:\n    class_path: a.Net\n  ckpt_path: last.ckpt\n  weights_only: null\n"
    )
    assert migrated("config.yaml") == []
    tree = load(["config.yaml"]).tree
    assert list(tree) == ["seed", "trainer", "model", "args"]
    assert tree["args"] == {"fit": {"ckpt_path": "last.ckpt"}}
    assert tree["trainer"] == {"_target_": "pytorch_lightning.Trainer", "max_epochs": 3}


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ("# lightning.pytorch==2.6.0\n", "Timer"),
        ("", "lightning.pytorch.callbacks.Timer"),
    ],
)
def test_the_trainer_comes_from_the_package_of_the_callbacks(head: str, path: str) -> None:
    Path("config.yaml").write_text(f"{head}seed_everything: 1\ntrainer:\n  callbacks:\n  - class_path: {path}\n")
    assert migrated("config.yaml") == []
    tree = load(["config.yaml"]).tree["trainer"]
    assert tree["_target_"] == "lightning.pytorch.Trainer"
    assert tree["callbacks"] == [{"_target_": "lightning.pytorch.callbacks.Timer"}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("${oc.env:DATA}", "$os.environ['DATA']"),
        ("${oc.env:DATA}/digits", "$f\"{os.environ['DATA']}/digits\""),
        ("${oc.env:LR,1e-3}", "$float(os.environ.get('LR', 0.001))"),
        ("${oc.env:NAME,null}", "$os.environ.get('NAME')"),
        ("${trainer.callbacks[0].init_args.monitor}", "%trainer::callbacks::0::monitor"),
        ("${seed_everything}", "%seed"),
        ("50% ${epoch}", '$f"50% {@epoch}"'),
    ],
)
def test_an_interpolation_becomes_a_reference_or_python(given: str, expected: str) -> None:
    Path("config.yaml").write_text(f"seed_everything: 1\nmodel:\n  class_path: a.Net\n  init_args:\n    x: {given!r}\n")
    assert migrated("config.yaml") == []
    assert load(["config.yaml"]).tree["model"]["x"] == expected


def test_an_unknown_resolver_is_reported_with_its_line() -> None:
    Path("config.yaml").write_text(
        "seed_everything: 1\nmodel:\n  class_path: a.Net\n  init_args:\n    x: ${now_utc:}\n"
    )
    (said,) = migrated("config.yaml")
    assert said.startswith("no equivalent of the resolver `now_utc` in '${now_utc:}'\n  config.yaml:5:5")


def test_the_classes_of_the_script_are_named() -> None:
    Path("main.py").write_text(
        "from lightning.pytorch.cli import LightningCLI\nimport models.nets as nets\n"
        "from data import DigitsData as Data\n"
        "class Own: ...\n\ndef main():\n    LightningCLI(nets.LitDigits, datamodule_class=Data, run=False)\n"
    )
    Path("broken.py").write_text("def (")
    Path("config.yaml").write_text("seed_everything: 1\ntrainer: {}\nmodel: {hidden: 64}\ndata: {size: 3}\n")
    model, data = migrated("config.yaml")
    assert "nearest            models.nets.LitDigits" in model
    assert "to fix             write `_target_: models.nets.LitDigits` first in `model`" in model
    assert "write `_target_: data.DigitsData` first in `data`" in data


def test_an_overlay_of_lighter_is_not_taken_for_another_tool() -> None:
    Path("overlay.yaml").write_text("trainer: {max_epochs: 3}\nmodel: {lr: 0.1}\n")
    (one,) = migrate(["overlay.yaml"])
    assert (one.kind, one.after) == (Kind.LIGHTER, one.before)


def test_of_several_classes_with_a_name_the_shortest_path_is_taken() -> None:
    Path("config.yaml").write_text("model:\n  class_path: a.Net\n  init_args: {head: {class_path: Linear}}\n")
    (said,) = migrated("config.yaml")
    assert said.startswith("Linear is read as torch.nn.Linear; torch.ao.nn.")
    assert load(["config.yaml"]).get("model::head") == {"_target_": "torch.nn.Linear"}
