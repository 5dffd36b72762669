"""Trainers, models, data and callbacks of the two packages of Lightning."""

from pathlib import Path
from textwrap import dedent

import pytest

from lighter_config.checks import check
from lighter_config.loading import load
from lighter_config.signatures import SignatureReader

CODE = """
    import {first} as first
    import {second} as second
    from nowhere_installed import Base
    class Model(first.LightningModule): ...
    class Trainer(first.Trainer): ...
    class Both(second.LightningModule, first.LightningModule): ...
    class Unknown(Base): ...
    def model(): ...
"""
FIRST, SECOND = "pytorch_lightning", "lightning.pytorch"


@pytest.fixture
def of_packages(libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Check a config beside the libraries, a copy of Lightning under its second name, and code that uses both."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "installed/lightning/pytorch"
    for file in (libraries / "pytorch_lightning").rglob("*.py"):
        new = copy / file.relative_to(libraries / "pytorch_lightning")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(file.read_text().replace("pytorch_lightning", "lightning.pytorch"))
    names = "Trainer, LightningModule, LightningDataModule"
    (copy.parent / "__init__.py").write_text(f"from lightning.pytorch import {names}\n")
    code = tmp_path / "mine"
    code.mkdir()
    (code / "first.py").write_text(dedent(CODE.format(first=FIRST, second=SECOND)))
    (code / "second.py").write_text(dedent(CODE.format(first=SECOND, second=FIRST)))
    reader = SignatureReader(search_path=[libraries, copy.parents[1]], project=code, cache_folder=None)

    def run(text: str):
        Path("exp.yaml").write_text(dedent(text).lstrip())
        findings = check(load(["exp.yaml"]), reader=reader)
        return [finding for finding in findings if finding.check == "lightning_packages"]

    return run


def experiment(trainer: str, model: str, callback: str = "") -> str:
    callbacks = f", callbacks: [{{_target_: {callback}}}]" if callback else ""
    return f"trainer: {{_target_: {trainer}{callbacks}}}\nmodel: {{_target_: {model}}}\n"


def test_the_message_names_both_places_and_what_to_write(of_packages) -> None:
    findings = of_packages(
        """
        trainer:
          _target_: lightning.Trainer
          callbacks:
            - {_target_: pytorch_lightning.callbacks.LearningRateMonitor}
            - {_target_: lighter.callbacks.Freezer}
        model: {_target_: project.first.Model}
        data: {_target_: lighter.LighterDataModule}
        """
    )
    assert "\n\n".join(map(str, findings)) == dedent(
        """\
        trainer::callbacks::0 is of pytorch_lightning, the trainer is of lightning
          exp.yaml:4:18      - {_target_: pytorch_lightning.callbacks.LearningRateMonitor}
          expected           a lightning.pytorch.Callback, as the trainer at exp.yaml:2:13 is lightning.Trainer
          to fix             write `lightning.pytorch.callbacks.LearningRateMonitor` for `pytorch_lightning.callbacks.LearningRateMonitor`

        trainer::callbacks::1 is of pytorch_lightning, the trainer is of lightning
          exp.yaml:5:18      - {_target_: lighter.callbacks.Freezer}
          expected           a pytorch_lightning.Trainer, not lightning.Trainer at exp.yaml:2:13
          to fix             write `pytorch_lightning.Trainer` for `lightning.Trainer`

        model is of pytorch_lightning, the trainer is of lightning
          exp.yaml:6:19      model: {_target_: project.first.Model}
          expected           a lightning.pytorch.LightningModule, as the trainer at exp.yaml:2:13 is lightning.Trainer
          to fix             derive project.first.Model from lightning.pytorch.LightningModule, or write `pytorch_lightning.Trainer` for `lightning.Trainer`

        data is of pytorch_lightning, the trainer is of lightning
          exp.yaml:7:18      data: {_target_: lighter.LighterDataModule}
          expected           a pytorch_lightning.Trainer, not lightning.Trainer at exp.yaml:2:13
          to fix             write `pytorch_lightning.Trainer` for `lightning.Trainer`"""  # noqa: E501
    )


@pytest.mark.parametrize(
    ("trainer", "model"),
    [
        ("pytorch_lightning.Trainer", "project.second.Model"),
        ("lightning.pytorch.Trainer", "project.first.Model"),
        ("lightning.Trainer", "lighter.System"),
        ("project.second.Trainer", "project.first.Model"),
    ],
)
def test_a_mixture_is_found(of_packages, trainer: str, model: str) -> None:
    (finding,) = of_packages(experiment(trainer, model))
    assert finding.path == "model::_target_"


@pytest.mark.parametrize(
    ("trainer", "model", "callback"),
    [
        ("pytorch_lightning.Trainer", "project.first.Model", "pytorch_lightning.callbacks.LearningRateMonitor"),
        ("lightning.Trainer", "project.second.Model", "lightning.pytorch.callbacks.LearningRateMonitor"),
        ("lightning.pytorch.Trainer", "lightning.LightningModule", "my_project.callbacks.MyCustomCallback"),
        ("project.first.Trainer", "project.first.Model", ""),
        ("lightning.Trainer", "project.first.Unknown", ""),
        ("lightning.Trainer", "project.first.Both", ""),
        ("lightning.Trainer", "project.first.model", ""),
        ("lightning.Trainer", "'@vars::x'", ""),
        ("project.first.model", "project.second.Model", ""),
        ("nowhere.Trainer", "lighter.System", ""),
    ],
)
def test_what_may_be_right_is_left_alone(of_packages, trainer: str, model: str, callback: str) -> None:
    assert of_packages(experiment(trainer, model, callback)) == []


@pytest.fixture
def of_one_package(libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Check a config where only ``pytorch_lightning`` is installed."""
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "mine"
    code.mkdir()
    (code / "first.py").write_text(dedent(CODE.format(first=FIRST, second=FIRST)))
    reader = SignatureReader(search_path=[libraries], project=code, cache_folder=None)

    def run(text: str):
        Path("exp.yaml").write_text(dedent(text).lstrip())
        return [finding for finding in check(load(["exp.yaml"]), reader=reader) if "lightning" in str(finding)]

    return run


@pytest.mark.parametrize(
    ("model", "advice"),
    [("lightning.pytorch.Model", "install lightning, or write "), ("project.first.Model", "write ")],
)
def test_a_package_that_is_not_installed_is_one_finding(of_one_package, model: str, advice: str) -> None:
    # five findings told to install it, to correct the name, and to derive the model from it
    (finding,) = of_one_package(
        f"""
        trainer:
          _target_: lightning.Trainer
          callbacks:
            - {{_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: a}}
        model: {{_target_: {model}}}
        """
    )
    assert "`lightning`" in finding.message
    assert str(finding.place) == "exp.yaml:2:13"
    trainer, callback = "pytorch_lightning.Trainer", "pytorch_lightning.callbacks.EarlyStopping"
    assert finding.fix.startswith(f"{advice}{trainer} at exp.yaml:2:13, {callback} at exp.yaml:4:18")


def test_a_wrong_name_of_an_installed_package_is_its_own_finding(of_one_package) -> None:
    (finding,) = of_one_package(experiment("pytorch_lightning.Trainr", "project.first.Model"))
    assert finding.nearest == ("pytorch_lightning.Trainer",)
